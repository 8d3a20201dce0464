import ArgumentParser
import Sandstorm

/// One `sandstorm run`: starts the run, passes its output on, and tells how it ended.
struct RunSession {
    let sandstorm: Sandstorm
    let request: RunRequest
    let options: RunOptions

    private var isQuiet: Bool { options.quiet }
    private var showsSummary: Bool { options.summary || Terminal.isInteractive && !options.quiet && !options.json }

    /// Runs to the end and returns the exit code that passes it on.
    func execute() async throws -> ExitCode {
        if request.detached { return try await start() }
        let result = options.json ? try await printResult() : try await stream()
        if let failure = result.failure {
            Terminal.tell("sandstorm: \(RunSession.words(for: failure))")
        } else if result.state == .cancelled {
            Terminal.tell("sandstorm: the run was cancelled")
        }
        if showsSummary { Terminal.tell(RunSummary(result).line) }
        return ExitCode(result)
    }

    private func start() async throws -> ExitCode {
        let result = try await sandstorm.run(request)
        try await StandardOutput.output.line(options.json ? result.json().encoded : result.id.rawValue)
        return .success
    }

    private func printResult() async throws -> RunResult {
        let progress = Progress("running", isEnabled: Terminal.isInteractive && !isQuiet)
        defer { progress.end() }
        let result = try await sandstorm.run(request)
        progress.end()
        try await StandardOutput.output.line(result.json().encoded)
        return result
    }

    private func stream() async throws -> RunResult {
        let progress = Progress("asking", isEnabled: Terminal.isInteractive && !isQuiet)
        defer { progress.end() }
        let output = ProgramOutput(isRaw: options.raw)
        var id: RunID?
        do {
            for try await event in sandstorm.stream(request) {
                switch event.body {
                case .accepted(let run): id = run
                case .decision(let decision):
                    progress.show("making a sandbox" + (decision.ranking.first.map { " at \($0.offer.provider)" } ?? ""))
                case .queued(_, let ahead): progress.show("waiting for a place" + (ahead > 0 ? " behind \(ahead) others" : ""))
                case .attemptFailed(_, let provider, let code, _): progress.show("trying elsewhere: \(provider) said \(code.rawValue)")
                case .hedged(_, let provider): progress.show("asking \(provider) too")
                case .started(let provider, _, _): progress.show("running at \(provider)")
                case .stdout(let bytes):
                    progress.end()
                    try await output.write(bytes, to: .stdout)
                case .stderr(let bytes):
                    progress.end()
                    try await output.write(bytes, to: .stderr)
                case .exited:
                    try await output.end()
                    progress.show("settling")
                case .settled(let result):
                    try await output.end()
                    return result
                }
            }
        } catch {
            // The stream has ended its run if it failed itself; if the output did, the run still goes on.
            if let id { await end(id) }
            throw error
        }
        throw SandstormError(.interrupted, "the run's events ended before the run did")
    }

    /// Cancels the run and waits until its sandbox is gone, also in a cancelled task.
    private func end(_ id: RunID) async {
        await Task { _ = try? await sandstorm.cancel(id) }.value
    }

    private static func words(for failure: RunFailure) -> String {
        switch failure.kind {
        case .timeout: "the run was stopped at its timeout: \(failure.detail)"
        case .costLimit: "the run was stopped before it would cost more than allowed: \(failure.detail)"
        case .outOfMemory: "the run was out of memory: \(failure.detail); give it more with --memory"
        case .noOffer: "nothing can run this: \(failure.detail)"
        case .tooBusy: "every place is full: \(failure.detail)"
        case .latencyLimit: "the code did not start in time: \(failure.detail)"
        case .cancelled: "the run was cancelled: \(failure.detail)"
        case .providersFailed, .unsupported, .refused, .sandboxLost, .gatewayStopped, .internal: "the run failed: \(failure.detail)"
        }
    }
}
