import ArgumentParser
import Sandstorm

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A command that does its work in ``execute()`` and tells of every failure in one form.
protocol ReportingCommand: AsyncParsableCommand {
    /// Does the work; returns the program's exit code.
    ///
    /// The first Ctrl-C cancels the task, the second ends the program.
    func execute() async throws -> ExitCode
}

extension ReportingCommand {
    mutating func run() async throws {
        // Writing to a closed pipe is to be an error of that write, and not the end of the program in the middle of its work.
        signal(SIGPIPE, SIG_IGN)
        let command = UncheckedTransfer(self)
        let code: ExitCode
        do {
            code = try await Interruption.watch { try await command.value.execute() }
        } catch {
            let failure = CommandFailure(error)
            failure.report()
            code = failure.exitCode
        }
        throw code
    }
}

/// Carries a parsed command into the task that executes it, which is then its only user.
private struct UncheckedTransfer<Value>: @unchecked Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
}
