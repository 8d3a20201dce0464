#if os(Linux)
import NIOCore
import SandstormCore
import SandstormWire

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A sandbox of this process.
final class LocalSandbox: Sandbox {
    let id: ProviderSandboxID
    private let connection: AgentConnection
    private let remains: SandboxRemains
    private let forget: @Sendable () -> Void
    /// Reaps the launcher when the sandbox ends by itself.
    private let watcher: Task<Void, Never>

    /// - Parameter forget: called once the sandbox is gone.
    init(_ remains: SandboxRemains, _ connection: AgentConnection, forget: @escaping @Sendable () -> Void) {
        id = ProviderSandboxID(remains.journal.id)
        self.connection = connection
        self.remains = remains
        self.forget = forget
        let child = remains.child
        watcher = Task {
            await connection.waitUntilClosed()
            guard let child else { return }
            await HostThreads.run {
                guard child.reap(within: .seconds(1)) == nil else { return }
                child.kill()
                _ = child.reap(within: .seconds(5))
            }
        }
    }

    deinit { connection.close() }

    func start(_ command: Command) async throws(ProviderError) -> any SandboxProcess {
        try checkIsAlive()
        let memory = await MemoryWatch.begin(remains.journal.group)
        do throws(ProviderError) {
            return LocalProcess(try await connection.start(command), memory)
        } catch {
            try checkIsAlive()
            throw await memory.explain(error)
        }
    }

    var files: any SandboxFiles { AgentSandboxFiles(connection) }

    /// Does nothing: a sandbox lives here until it is killed.
    func extend(to lease: Date) async throws(ProviderError) { try checkIsAlive() }

    func kill() async throws(ProviderError) {
        connection.close()
        try await remains.remove()
        forget()
    }

    private func checkIsAlive() throws(ProviderError) {
        if remains.isDoomed { throw ProviderError(.notFound, "sandbox \(id) was killed") }
    }
}

/// A sandbox of a process that is gone. It can only be killed: the socket to its agent went with the process.
struct OrphanedSandbox: Sandbox {
    let id: ProviderSandboxID
    private let remains: SandboxRemains

    init(_ journal: SandboxJournal) {
        id = ProviderSandboxID(journal.id)
        remains = SandboxRemains(journal)
    }

    func start(_ command: Command) async throws(ProviderError) -> any SandboxProcess { throw gone }
    var files: any SandboxFiles { OrphanedFiles(error: gone) }
    func extend(to lease: Date) async throws(ProviderError) { throw gone }
    func kill() async throws(ProviderError) { try await remains.remove() }

    private var gone: ProviderError { ProviderError(.notFound, "sandbox \(id) ended with the gateway that had made it") }
}

private struct OrphanedFiles: SandboxFiles {
    let error: ProviderError

    func write(_ path: String, _ content: ByteBuffer, mode: UInt16) async throws(ProviderError) { throw error }
    func read(_ path: String, upTo limit: Int) async throws(ProviderError) -> ByteBuffer { throw error }
}
#endif
