import NIOCore
import SandstormCore
import SandstormWire

/// The open connections of one server, by their channel.
///
/// A handler finds here whether its client is still there without a hop to the event loop and without touching the request's body.
final class Connections: Sendable {
    private let table = Locked<[ObjectIdentifier: (channel: any Channel, departure: Latch)]>([:])

    /// Opens when the server is asked to stop. One for all connections: each stream waits for it as long as it lives.
    let shutdown = Latch()

    /// How many are open.
    var count: Int { table.withLock { $0.count } }

    /// Notes a new connection; the latch is to be opened when its client is gone.
    func add(_ channel: any Channel) -> Latch {
        let latch = Latch()
        table.withLock { $0[ObjectIdentifier(channel)] = (channel, latch) }
        return latch
    }

    func remove(_ channel: any Channel) { _ = table.withLock { $0.removeValue(forKey: ObjectIdentifier(channel)) } }

    /// What opens when the client of `channel` is gone; never, for a channel that is no connection of this server.
    func departure(from channel: any Channel) -> Latch { table.withLock { $0[ObjectIdentifier(channel)]?.departure } ?? Latch() }

    /// The client of `channel`.
    func client(of channel: any Channel, patience: Duration) -> ClientPresence {
        ClientPresence(departure: departure(from: channel), channel: channel, patience: patience, shutdown: shutdown)
    }

    /// Closes all of them at once, whatever they are doing.
    func closeAll() {
        let channels = table.withLock { $0.values.map(\.channel) }
        for channel in channels { channel.close(promise: nil) }
    }
}
