import ArgumentParser
import Sandstorm

/// What the exit codes of `sandstorm` mean beside the code of the user's program; see `docs/cli.md`.
extension ExitCode {
    /// The options are wrong; nothing was started.
    static let usage = ExitCode(64)
    /// The run was killed since it would have cost more than `--max-cost`.
    static let costLimit = ExitCode(123)
    /// The run was killed at its timeout.
    static let timeout = ExitCode(124)
    /// Sandstorm refused the run or failed itself.
    static let sandstormFailed = ExitCode(125)
    /// The run was cancelled: by Ctrl-C, by SIGTERM, or from elsewhere.
    static let cancelled = ExitCode(130)
    /// The run was killed by the sandbox's memory limit: as after SIGKILL.
    static let outOfMemory = ExitCode(137)
    /// Nobody reads the output any more: as after SIGPIPE.
    static let outputClosed = ExitCode(141)

    /// The exit code that passes on how a run ended.
    init(_ result: RunResult) {
        if let failure = result.failure {
            switch failure.kind {
            case .timeout: self = .timeout
            case .costLimit: self = .costLimit
            case .outOfMemory: self = .outOfMemory
            case .cancelled: self = .cancelled
            case .noOffer, .tooBusy, .latencyLimit, .providersFailed, .unsupported, .refused, .sandboxLost, .gatewayStopped, .internal:
                self = .sandstormFailed
            }
        } else if result.state == .cancelled {
            self = .cancelled
        } else if let code = result.exitCode {
            self.init(code)
        } else if let signal = result.signal {
            self.init(128 + signal.rawValue)
        } else {
            self = .sandstormFailed
        }
    }
}
