import ArgumentParser
import Sandstorm

/// Why a command did not do what it was asked, in words for whoever typed it.
struct CommandFailure: Error {
    var exitCode: ExitCode
    /// The first line.
    var message: String
    /// Each on a line of its own.
    var details: [String] = []

    init(_ exitCode: ExitCode, _ message: String, details: [String] = []) {
        self.exitCode = exitCode
        self.message = message
        self.details = details
    }

    /// The options are wrong.
    init(_ problems: [OptionProblem]) {
        if problems.count == 1, let problem = problems.first {
            self.init(.usage, problem.description)
        } else {
            self.init(.usage, "\(problems.count) problems", details: problems.map(\.description))
        }
    }

    /// Whatever a command threw. The caller's words are used only for what was thrown on purpose.
    init(_ error: any Error) {
        switch error {
        case let failure as CommandFailure: self = failure
        case let error as SandstormError: self.init(error)
        case is CancellationError: self.init(.cancelled, "cancelled")
        case is OutputClosed: self.init(.outputClosed, "")
        case let error as any CustomStringConvertible: self.init(.sandstormFailed, "something broke: \(error)")
        default: self.init(.sandstormFailed, "something broke: \(type(of: error))")
        }
    }

    private init(_ error: SandstormError) {
        switch error.kind {
        case .cancelled: self.init(.cancelled, "cancelled")
        case .invalidRequest where !error.problems.isEmpty:
            self.init(error.problems.map { OptionProblem($0) })
        case .noOffer:
            self.init(
                .sandstormFailed, "nothing can run this: \(error.message)",
                details: ["sandstorm explain shows every offer, and sandstorm doctor what this machine lacks"])
        default: self.init(.sandstormFailed, error.message, details: error.requestID.map { ["request \($0)"] } ?? [])
        }
    }

    /// Tells it on standard error.
    func report() {
        guard !message.isEmpty else { return }
        Terminal.tell("sandstorm: \(message)" + details.map { "\n  \($0)" }.joined())
    }
}
