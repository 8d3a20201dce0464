package import NIOCore
import SandstormCore
package import SandstormWire

/// The open connections of one server, by their channel.
///
/// A handler finds here whether its client is still there without a hop to the event loop and without touching the request's body.
package final class Connections: Sendable {
    private let table = Locked<[ObjectIdentifier: (channel: any Channel, departure: Latch)]>([:])

    /// Opens when the server is asked to stop. One for all connections: each stream waits for it as long as it lives.
    package let shutdown = Latch()

    /// How many are open.
    package var count: Int { table.withLock { $0.count } }

    /// Notes a new connection; the latch is to be opened when its client is gone.
    package func add(_ channel: any Channel) -> Latch {
        let latch = Latch()
        table.withLock { $0[ObjectIdentifier(channel)] = (channel, latch) }
        return latch
    }

    package func remove(_ channel: any Channel) { _ = table.withLock { $0.removeValue(forKey: ObjectIdentifier(channel)) } }

    /// What opens when the client of `channel` is gone; never, for a channel that is no connection of this server.
    package func departure(from channel: any Channel) -> Latch { table.withLock { $0[ObjectIdentifier(channel)]?.departure } ?? Latch() }

    /// The client of `channel`.
    package func client(of channel: any Channel, patience: Duration) -> ClientPresence {
        ClientPresence(departure: departure(from: channel), channel: channel, patience: patience, shutdown: shutdown)
    }

    /// Closes all of them at once, whatever they are doing.
    package func closeAll() {
        let channels = table.withLock { $0.values.map(\.channel) }
        for channel in channels { channel.close(promise: nil) }
    }
}
