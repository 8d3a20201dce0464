import ArgumentParser
import Sandstorm

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// `sandstorm sandboxes kill`
struct SandboxesKillCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "kill", abstract: "Ends sandboxes and everything in them.",
        usage: """
            sandstorm sandboxes kill <sandbox> ... [<options>]
            sandstorm sandboxes kill --all [--label <name=value>] ... [--yes] [<options>]
            """,
        discussion: "Killing what has ended succeeds. If some can't be killed, the others are all the same, and the exit code is 125.")

    @Argument(help: ArgumentHelp("The sandboxes.", valueName: "sandbox"))
    var sandboxes: [String] = []

    @Flag(help: "All sandboxes that have not ended; asks before it does so.")
    var all = false

    @Option(name: .customLong("label"), help: ArgumentHelp("With --all: only sandboxes with this label.", valueName: "name=value"))
    var labels: [String] = []

    @Flag(name: .shortAndLong, help: "Don't ask.")
    var yes = false

    @OptionGroup var place: PlaceOptions

    func execute() async throws -> ExitCode {
        var checker = ArgumentChecker()
        let named = sandboxes.map { checker.sandbox($0) }
        let metadata = checker.pairs(labels, at: "--label")
        checker.report(place.problem(needingGatewayFor: all ? "--all" : "SANDBOX"))
        if all, !named.isEmpty { checker.report(OptionProblem("--all", "is given beside sandboxes", remedy: "give one of the two")) }
        if !all, named.isEmpty { checker.report(OptionProblem("SANDBOX", "is missing", remedy: "name a sandbox, or give --all")) }
        if !all, !labels.isEmpty { checker.report(OptionProblem("--label", "is given without --all", remedy: "add --all")) }
        if all, !yes, isatty(STDIN_FILENO) != 1 {
            checker.report(OptionProblem("--all", "would have to ask first, and there is no terminal", remedy: "add --yes"))
        }
        try checker.finish()
        return try await place.withSandstorm { sandstorm in
            let ids = all ? try await SandboxesKillCommand.living(metadata, sandstorm) : named
            if all, !yes, !ids.isEmpty {
                Terminal.writeRaw("Kill \(ids.count) sandbox\(ids.count == 1 ? "" : "es")? [y/N] ")
                guard try await SandboxesKillCommand.isConfirmed() else { throw CommandFailure(.sandstormFailed, "nothing was killed") }
            }
            return try await SandboxesKillCommand.kill(ids, sandstorm)
        }
    }

    private static func kill(_ ids: [SandboxID], _ sandstorm: Sandstorm) async throws -> ExitCode {
        var code = ExitCode.success
        for id in ids {
            do throws(SandstormError) {
                try await sandstorm.sandbox(id).kill()
                try? await StandardOutput.output.line(id.rawValue)
            } catch {
                if error.kind == .cancelled { throw error }
                Terminal.tell("sandstorm: \(id): \(error.message)")
                code = .sandstormFailed
            }
        }
        return code
    }

    /// All that have not ended and have these labels.
    private static func living(_ metadata: [String: String], _ sandstorm: Sandstorm) async throws -> [SandboxID] {
        var ids: [SandboxID] = []
        while true {
            let page = try await sandstorm.sandboxes(
                in: [.creating, .running, .paused], metadata: metadata, before: ids.last, limit: 200)
            ids += page.map(\.id)
            if page.count < 200 { return ids }
        }
    }

    private static func isConfirmed() async throws -> Bool {
        var line: [UInt8] = []
        var pieces = StandardInput.Pieces()
        while !line.contains(UInt8(ascii: "\n")), let piece = try await pieces.next() { line += piece }
        return ["y\n", "yes\n"].contains(String(decoding: line, as: UTF8.self).lowercased())
    }
}
