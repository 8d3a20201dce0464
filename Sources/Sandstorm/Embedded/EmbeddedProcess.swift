import NIOCore
import SandstormCore
import SandstormEngine

/// A process in a sandbox of the embedded engine.
actor EmbeddedProcess: ProcessLink {
    private let id: ProcessID
    private let sandbox: SandboxID
    private let engine: Engine
    private var events: SandboxProcessEvents.Iterator?
    /// It ends with its consumer.
    private var isOwned: Bool
    private let isFollowing: Bool

    init(
        _ id: ProcessID, in sandbox: SandboxID, engine: Engine, events: SandboxProcessEvents, isOwned: Bool, isFollowing: Bool
    ) {
        self.id = id
        self.sandbox = sandbox
        self.engine = engine
        self.events = events.makeAsyncIterator()
        self.isOwned = isOwned
        self.isFollowing = isFollowing
    }

    func next() async throws(SandstormError) -> SandboxProcessEvent? {
        // An iterator can't be advanced in place across a suspension; a copy asks the same source.
        guard var events else { return nil }
        do throws(EngineError) {
            let event = try await events.next(isolation: self)
            if event?.isLast ?? true {
                self.events = nil
                if event != nil { isOwned = false }
            }
            if let event { return event }
        } catch {
            self.events = nil
            await endOwned()
            throw Task.isCancelled ? .cancelled : SandstormError(error)
        }
        await endOwned()
        if Task.isCancelled { throw .cancelled }
        guard isFollowing else { return nil }
        throw SandstormError(.interrupted, "the process's events ended before the process did")
    }

    nonisolated func abandon() {
        Task { await endOwned() }
    }

    nonisolated func write(_ bytes: [UInt8]) async throws(SandstormError) {
        try await asked { [self] () async throws(EngineError) in
            try await engine.write(ByteBuffer(bytes: bytes), to: id, in: sandbox, for: .local)
        }
    }

    nonisolated func closeInput() async throws(SandstormError) {
        try await asked { [self] () async throws(EngineError) in try await engine.closeInput(of: id, in: sandbox, for: .local) }
    }

    nonisolated func signal(_ signal: Signal, to target: SignalTarget) async throws(SandstormError) {
        try await asked { [self] () async throws(EngineError) in
            try await engine.signal(signal, to: target, of: id, in: sandbox, for: .local)
        }
    }

    nonisolated func resize(_ size: TerminalSize) async throws(SandstormError) {
        try await asked { [self] () async throws(EngineError) in try await engine.resize(size, of: id, in: sandbox, for: .local) }
    }

    private nonisolated func asked(_ question: () async throws(EngineError) -> Void) async throws(SandstormError) {
        do {
            try await question()
        } catch {
            throw Task.isCancelled ? .cancelled : SandstormError(error)
        }
    }

    /// Kills a process that belongs to this link, also when this task is cancelled itself.
    private func endOwned() async {
        events = nil
        guard isOwned else { return }
        isOwned = false
        await Task { [engine, id, sandbox] in
            try? await engine.signal(.kill, to: .group, of: id, in: sandbox, for: .local)
        }.value
    }
}
