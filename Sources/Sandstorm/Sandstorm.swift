@_exported public import SandstormCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Runs code in sandboxes: through a gateway, or with the engine inside this process.
///
/// ```swift
/// let sandstorm = Sandstorm()
/// let result = try await sandstorm.run("print(2**64)", language: .python, constraints: .init(maxCost: "$0.10"))
/// print(result.stdout)
/// await sandstorm.shutDown()
/// ```
///
/// Both ways behave alike: the same calls, the same events in the same order, the same errors. A value is cheap to copy and
/// safe to use from any task; make one and keep it. Nothing is opened before the first call.
///
/// Cancelling the task that waits for a run cancels the run: the call then throws an error of kind
/// ``SandstormError/Kind-swift.enum/cancelled`` once the sandbox is gone. A detached run goes on.
public struct Sandstorm: Sendable {
    let backend: any Backend

    init(backend: any Backend) { self.backend = backend }

    /// Uses the gateway named by `SANDSTORM_URL` with the key in `SANDSTORM_API_KEY`, or the embedded engine if there is none.
    ///
    /// The embedded engine keeps its data in `SANDSTORM_DATA_DIR`, else `$XDG_DATA_HOME/sandstorm`, else
    /// `~/.local/share/sandstorm`.
    public init() { self.init(environment: ProcessInfo.processInfo.environment) }

    /// Uses a gateway.
    ///
    /// - Parameters:
    ///   - gateway: where it listens, such as `https://sandstorm.example.com`. A text that is no such address is reported by
    ///     the first call.
    ///   - apiKey: the secret of an API key; a gateway in development mode needs none.
    public init(gateway: String, apiKey: String? = nil) {
        self.init(backend: GatewayClient(address: gateway, key: apiKey.map(APIKey.init)))
    }

    /// Uses the embedded engine with its data in a directory, which is made if need be.
    ///
    /// Several processes may use one directory at a time.
    public init(dataDirectory: String) { self.init(backend: EmbeddedEngine(directory: .init(path: dataDirectory))) }

    /// Chooses as the environment says; an empty variable counts as absent.
    package init(environment: [String: String]) {
        if let url = environment["SANDSTORM_URL"], !url.isEmpty {
            let key = environment["SANDSTORM_API_KEY"].flatMap { $0.isEmpty ? nil : $0 }
            self.init(gateway: url, apiKey: key)
        } else {
            self.init(dataDirectory: DataDirectory.standard(in: environment).path)
        }
    }
}

extension Sandstorm {
    /// Runs code and waits for its end.
    ///
    /// ```swift
    /// let result = try await sandstorm.run(source, language: .ruby) { spec in
    ///     spec.stdin = Array("hello\n".utf8)
    ///     spec.memory = 512
    /// }
    /// ```
    ///
    /// - Parameter configure: completes the spec.
    /// - Returns: the settled run. A run that did not come to its end is a result too: see ``RunResult/failure``.
    /// - Throws: ``SandstormError`` if the run was refused, or if its outcome could not be learned.
    public func run(
        _ code: String, language: Language, constraints: Constraints = Constraints(),
        configure: (inout SandboxSpec) -> Void = { _ in }
    ) async throws(SandstormError) -> RunResult {
        var spec = SandboxSpec(code: code, language: language)
        configure(&spec)
        return try await run(RunRequest(spec: spec, constraints: constraints))
    }

    /// Runs what the request says and waits for its end; a detached run is returned as it stands once it is accepted.
    ///
    /// - Throws: ``SandstormError`` if the run was refused, or if its outcome could not be learned.
    public func run(_ request: RunRequest) async throws(SandstormError) -> RunResult {
        let request = try request.checked()
        if request.detached { return try await backend.start(request) }
        var settled: RunID?
        for try await event in stream(request) {
            if case .settled(let result) = event.body { settled = result.id }
        }
        // The stream throws unless it came to the end of the run.
        guard let settled else { throw SandstormError(.interrupted, "the run's events ended before the run did") }
        return try await backend.run(settled)
    }

    /// Starts a run with the first event that is asked for, and yields everything that happens until it is settled.
    ///
    /// Ending the iteration early cancels the run, unless it is detached. One consumer.
    public func stream(_ request: RunRequest) -> RunStream {
        RunStream { () throws(SandstormError) in backend.events(of: try request.checked()) }
    }

    /// Starts running code with the first event that is asked for, and yields everything that happens until it is settled.
    public func stream(
        _ code: String, language: Language, constraints: Constraints = Constraints(),
        configure: (inout SandboxSpec) -> Void = { _ in }
    ) -> RunStream {
        var spec = SandboxSpec(code: code, language: language)
        configure(&spec)
        return stream(RunRequest(spec: spec, constraints: constraints))
    }

    /// Tells where a request would run and why, without running it.
    public func decide(_ request: RunRequest) async throws(SandstormError) -> Decision {
        try await backend.decide(try request.checked())
    }

    /// A run as it stands, with its outputs.
    public func run(_ id: RunID) async throws(SandstormError) -> RunResult { try await backend.run(id) }

    /// Runs without their outputs, newest first.
    ///
    /// - Parameters:
    ///   - states: only runs in one of these; all if empty.
    ///   - before: only runs older than this one: the last of the page before.
    ///   - limit: 1 … 200.
    public func runs(
        in states: Set<RunState> = [], before: RunID? = nil, limit: Int = 50
    ) async throws(SandstormError) -> [RunResult] {
        guard (1...200).contains(limit) else {
            throw SandstormError(InvalidRequest("/limit", "is out of range", remedy: "ask for 1 to 200 runs"))
        }
        return try await backend.runs(RunPage(states: states, before: before, limit: limit))
    }

    /// The events of a run.
    ///
    /// - Parameters:
    ///   - sequence: only events after this one.
    ///   - following: wait for more until the run is settled. A run that is not detached goes on while somebody follows it.
    public func events(of id: RunID, after sequence: Int = 0, following: Bool = true) -> RunStream {
        RunStream { () throws(SandstormError) in backend.events(of: id, after: sequence, following: following) }
    }

    /// The outputs of a run as they came.
    ///
    /// - Parameter following: wait for more until the run is settled.
    public func logs(of id: RunID, following: Bool = true) -> RunLogs { RunLogs(events: events(of: id, following: following)) }

    /// Ends a run; of a settled one nothing changes.
    ///
    /// - Returns: the run once it is settled, or as it stands if that takes long.
    @discardableResult
    public func cancel(_ id: RunID) async throws(SandstormError) -> RunResult { try await backend.cancel(id) }

    /// The places that can run something, and how they are.
    public func providers() async throws(SandstormError) -> [ProviderInfo] { try await backend.providers() }

    /// Ends what this value started and nobody detached, and closes what it opened. Later calls throw.
    public func shutDown() async { await backend.shutDown() }
}
