import SandstormWire
import ServiceLifecycle

/// A server whose graceful shutdown ends: connections that are still busy long after it was asked to stop are closed.
///
/// A client that does not read its answer would hold it up for ever.
struct BoundedShutdown<Server: Service>: Service {
    let server: Server
    let connections: Connections
    /// How long the server may take to stop by itself.
    let patience: Duration

    func run() async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await server.run()
                return true
            }
            group.addTask {
                do {
                    try await gracefulShutdown()
                    connections.shutdown.open()
                    // Again and again: what was being accepted meanwhile is no different.
                    while true {
                        try await Task.sleep(for: patience)
                        connections.closeAll()
                    }
                } catch {
                    return false
                }
            }
            defer { group.cancelAll() }
            while let serverHasEnded = try await group.next(), !serverHasEnded {}
        }
    }
}
