#if os(Linux)
import NIOCore
import SandstormCore

/// A process of a local sandbox: the agent's, with the one thing that an agent can't know, why the kernel killed it.
struct LocalProcess: SandboxProcess {
    private let process: any SandboxProcess
    private let memory: MemoryWatch

    init(_ process: any SandboxProcess, _ memory: MemoryWatch) {
        self.process = process
        self.memory = memory
    }

    var events: ProcessEvents {
        let (events, memory) = (process.events, memory)
        return ProcessEvents { () async throws(ProviderError) in
            do throws(ProviderError) {
                var iterator = events.makeAsyncIterator()
                let event = try await iterator.next(isolation: nil)
                // 137 is how a shell says that its child was killed.
                if case .exited(let status)? = event, status.shellCode == 137, await memory.ranOut() { throw MemoryWatch.error }
                return event
            } catch {
                throw await memory.explain(error)
            }
        }
    }

    func write(_ bytes: ByteBuffer) async throws(ProviderError) { try await process.write(bytes) }
    func closeInput() async throws(ProviderError) { try await process.closeInput() }
    func signal(_ signal: Signal) async throws(ProviderError) { try await process.signal(signal) }
    func resize(columns: Int, rows: Int) async throws(ProviderError) { try await process.resize(columns: columns, rows: rows) }
}

/// Whether the sandbox's memory has run out since some moment.
struct MemoryWatch: Sendable {
    static let error = ProviderError(
        .interrupted, "the sandbox ran out of memory: ask for more of it", afterStart: true, outOfMemory: true)

    private let group: ControlGroup?
    private let killsBefore: Int

    static func begin(_ group: ControlGroup?) async -> MemoryWatch {
        MemoryWatch(group: group, killsBefore: await HostThreads.run { group?.outOfMemoryKills ?? 0 })
    }

    func ranOut() async -> Bool {
        guard let group else { return false }
        return await HostThreads.run { group.outOfMemoryKills > killsBefore }
    }

    /// Adds the reason to an interruption that was due to memory.
    func explain(_ error: ProviderError) async -> ProviderError {
        guard error.code == .interrupted, !error.outOfMemory, await ranOut() else { return error }
        var explained = Self.error
        explained.afterStart = error.afterStart
        return explained
    }
}
#endif
