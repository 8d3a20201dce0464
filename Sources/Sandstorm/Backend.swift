import SandstormCore

/// Who does the work: a gateway or the embedded engine. Requests were checked before they come here.
protocol Backend: SandboxBackend {
    /// Starts a detached run; returns it as it stands once it is accepted.
    func start(_ request: RunRequest) async throws(SandstormError) -> RunResult

    /// Starts a run with the first event that is asked for; the source ends with `settled` or throws.
    func events(of request: RunRequest) -> any EventSource

    func events(of id: RunID, after sequence: Int, following: Bool) -> any EventSource

    func decide(_ request: RunRequest) async throws(SandstormError) -> Decision

    func run(_ id: RunID) async throws(SandstormError) -> RunResult

    func runs(_ page: RunPage) async throws(SandstormError) -> [RunResult]

    func cancel(_ id: RunID) async throws(SandstormError) -> RunResult

    func providers() async throws(SandstormError) -> [ProviderInfo]

    func shutDown() async
}

/// Which runs to list.
struct RunPage: Sendable {
    var states: Set<RunState>
    var before: RunID?
    var limit: Int
}

/// The events of one run, asked for one after the other by one consumer.
protocol EventSource: Sendable {
    /// The next event; `nil` after the last.
    ///
    /// When the consuming task is cancelled this throws `cancelled`, after a run that belongs to the source has ended.
    func next() async throws(SandstormError) -> RunEvent?

    /// The consumer went away. Returns at once; a run that belongs to the source is being cancelled.
    func abandon()
}

extension RunRequest {
    /// The request if its spec can be right.
    func checked() throws(SandstormError) -> RunRequest {
        do {
            _ = try spec.validated(at: "/spec")
        } catch {
            throw SandstormError(error)
        }
        return self
    }
}
