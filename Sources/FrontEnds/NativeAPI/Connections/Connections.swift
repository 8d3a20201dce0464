import NIOCore
import SandstormCore

/// The open connections of one server, by their channel.
///
/// A handler finds here whether its client is still there without a hop to the event loop and without touching the request's body.
final class Connections: Sendable {
    private let table = Locked<[ObjectIdentifier: Latch]>([:])

    /// How many are open.
    var count: Int { table.withLock { $0.count } }

    /// Notes a new connection; the latch is to be opened when its client is gone.
    func add(_ channel: any Channel) -> Latch {
        let latch = Latch()
        table.withLock { $0[ObjectIdentifier(channel)] = latch }
        return latch
    }

    func remove(_ channel: any Channel) { _ = table.withLock { $0.removeValue(forKey: ObjectIdentifier(channel)) } }

    /// What opens when the client of `channel` is gone; never, for a channel that is no connection of this server.
    func departure(from channel: any Channel) -> Latch { table.withLock { $0[ObjectIdentifier(channel)] } ?? Latch() }
}
