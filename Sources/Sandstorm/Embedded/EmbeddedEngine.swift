import Logging
import SandstormCore
import SandstormEngine
import SandstormStore

/// The engine inside this process, on behalf of whoever owns the machine.
actor EmbeddedEngine: Backend {
    private enum State {
        case closed
        case opening(Task<Opened, any Error>)
        case shutDown
    }

    /// The parts, and the task that settles what an earlier crash left open.
    private struct Opened: Sendable {
        let gateway: EmbeddedGateway
        let recovery: Task<Void, Never>
    }

    private let directory: DataDirectory
    private var state = State.closed

    init(directory: DataDirectory) { self.directory = directory }

    /// The engine; opens the data directory with the first call.
    ///
    /// Recovery goes on beside the first run, which it does not concern.
    func engine() async throws(SandstormError) -> Engine {
        let task: Task<Opened, any Error>
        switch state {
        case .opening(let running): task = running
        case .shutDown: throw SandstormError(.unavailable, "this Sandstorm value was shut down", isRetryable: false)
        case .closed:
            task = Task { [directory] in
                // A program that embeds the engine hears of trouble by errors and results; warnings are for its operator.
                var logger = Logger(label: "sandstorm")
                logger.logLevel = .error
                let gateway = try await EmbeddedGateway(opening: directory, exclusive: false, logger: logger)
                return Opened(gateway: gateway, recovery: Task { await gateway.engine.recover() })
            }
            state = .opening(task)
        }
        do {
            return try await task.value.gateway.engine
        } catch {
            if case .opening(task) = state { state = .closed }
            throw error as? SandstormError ?? SandstormError(.internal, "the embedded engine did not start: \(error)")
        }
    }

    func shutDown() async {
        guard case .opening(let task) = state else {
            state = .shutDown
            return
        }
        state = .shutDown
        guard let opened = try? await task.value else { return }
        await opened.recovery.value
        await opened.gateway.close()
    }

    func start(_ request: RunRequest) async throws(SandstormError) -> RunResult {
        let engine = try await engine()
        return try await asked { () async throws(EngineError) in
            let handle = try await engine.submit(request, by: .local)
            return try await engine.run(handle.id, for: .local)
        }
    }

    nonisolated func events(of request: RunRequest) -> any EventSource { EmbeddedEvents(.submission(request), engine: engine) }

    nonisolated func events(of id: RunID, after sequence: Int, following: Bool) -> any EventSource {
        EmbeddedEvents(.run(id, after: sequence, following: following), engine: engine)
    }

    func decide(_ request: RunRequest) async throws(SandstormError) -> Decision {
        let engine = try await engine()
        return try await asked { () async throws(EngineError) in try await engine.decide(request, by: .local) }
    }

    func run(_ id: RunID) async throws(SandstormError) -> RunResult {
        let engine = try await engine()
        return try await asked { () async throws(EngineError) in try await engine.run(id, for: .local) }
    }

    func runs(_ page: RunPage) async throws(SandstormError) -> [RunResult] {
        let engine = try await engine()
        var query = RunQuery()
        query.states = page.states
        query.before = page.before
        query.limit = page.limit
        return try await asked { [query] () async throws(EngineError) in try await engine.runs(query, for: .local) }
    }

    func cancel(_ id: RunID) async throws(SandstormError) -> RunResult {
        let engine = try await engine()
        return try await asked { () async throws(EngineError) in try await engine.cancel(id, for: .local) }
    }

    func providers() async throws(SandstormError) -> [ProviderInfo] {
        await (try engine()).providers().compactMap { ProviderInfo(json: $0.json) }
    }

    func asked<Answer: Sendable>(
        _ question: @Sendable () async throws(EngineError) -> Answer
    ) async throws(SandstormError) -> Answer {
        do {
            return try await question()
        } catch {
            throw Task.isCancelled ? .cancelled : SandstormError(error)
        }
    }
}
