#if os(Linux)
import NIOCore
import SandstormCore

/// A process of a local sandbox: the agent's, with the one thing that an agent can't know, why the kernel killed it.
struct LocalProcess: SandboxProcess {
    private let process: any SandboxProcess
    private let memory: MemoryWatch
    /// It was sent SIGKILL from here, so that this is what it died of.
    private let wasKilled = Locked(false)

    init(_ process: any SandboxProcess, _ memory: MemoryWatch) {
        self.process = process
        self.memory = memory
    }

    var events: ProcessEvents {
        let (events, memory, wasKilled) = (process.events, memory, wasKilled)
        return ProcessEvents { () async throws(ProviderError) in
            do throws(ProviderError) {
                var iterator = events.makeAsyncIterator()
                let event = try await iterator.next(isolation: nil)
                // 137 is how a shell says that its child was killed.
                if case .exited(let status)? = event, status.shellCode == 137, memory.ranOut, !wasKilled.withLock(\.self) {
                    throw MemoryWatch.error
                }
                return event
            } catch {
                throw memory.explain(error)
            }
        }
    }

    func write(_ bytes: ByteBuffer) async throws(ProviderError) { try await process.write(bytes) }
    func closeInput() async throws(ProviderError) { try await process.closeInput() }
    func signal(_ signal: Signal, to target: SignalTarget) async throws(ProviderError) {
        if signal == .kill { wasKilled.withLock { $0 = true } }
        try await process.signal(signal, to: target)
    }

    func resize(columns: Int, rows: Int) async throws(ProviderError) { try await process.resize(columns: columns, rows: rows) }
}

/// Whether the sandbox's memory has run out since some moment.
struct MemoryWatch: Sendable {
    static let error = ProviderError(
        .interrupted, "the sandbox ran out of memory: ask for more of it", afterStart: true, outOfMemory: true)

    private let kills: MemoryKills
    private let countBefore: Int

    /// From now on.
    init(_ kills: MemoryKills) {
        self.kills = kills
        countBefore = kills.count
    }

    var ranOut: Bool { kills.count > countBefore }

    /// Adds the reason to an interruption that was due to memory.
    func explain(_ error: ProviderError) -> ProviderError {
        guard error.code == .interrupted, !error.outOfMemory, ranOut else { return error }
        var explained = Self.error
        explained.afterStart = error.afterStart
        return explained
    }
}
#endif
