import ArgumentParser
import Sandstorm

/// `sandstorm shell`
struct ShellCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "shell",
        abstract: "Opens a shell in a living sandbox, or in a new one.",
        usage: """
            sandstorm shell [<options>]
            sandstorm shell <sandbox> [<options>]
            """,
        discussion: """
            Without a sandbox it makes one, keeps it alive as long as the shell is open, and kills it at the end. The exit code is the \
            shell's own.
            """)

    @Argument(help: ArgumentHelp("The sandbox; without one a new one is made.", valueName: "sandbox"))
    var sandbox: String?

    @Option(help: ArgumentHelp("The shell. (default: bash, else sh)", valueName: "program"))
    var shell: String?

    @Option(name: .shortAndLong, help: ArgumentHelp("A user of the sandbox, by name or number.", valueName: "name"))
    var user: String?

    @Option(name: .shortAndLong, help: ArgumentHelp("The directory to start in. (default: /workspace)", valueName: "path"))
    var workdir: String?

    @Flag(help: "Leave the new sandbox alive until its lease ends. Needs a gateway.")
    var keep = false

    @Option(help: ArgumentHelp("Start the new sandbox from this snapshot.", valueName: "snapshot id"))
    var snapshot: String?

    @OptionGroup(title: "A new sandbox") var options: SandboxOptions
    @OptionGroup(title: "Place") var place: PlaceOptions

    /// Finds the best shell that is there.
    private static let anyShell = "if command -v bash >/dev/null 2>&1; then exec bash; else exec sh; fi"

    func execute() async throws -> ExitCode {
        var checker = ArgumentChecker()
        let id = sandbox.map { checker.sandbox($0) }
        let request = try request(for: id, &checker)
        let start = start(&checker)
        try checker.finish()
        return try await place.withSandstorm { sandstorm in
            if let id { return try await open(sandstorm.sandbox(id), start) }
            let progress = Progress("making a sandbox")
            defer { progress.end() }
            if keep {
                let sandbox = try await sandstorm.createSandbox(request)
                progress.end()
                Terminal.tell("sandstorm: \(sandbox.id) lives on until its lease ends; sandstorm sandboxes kill ends it")
                return try await open(sandbox, start)
            }
            return try await sandstorm.withSandbox(request) { sandbox in
                progress.end()
                return try await keepingAlive(sandbox, for: request.spec.timeout) { try await open(sandbox, start) }
            }
        }
    }

    private func request(for id: SandboxID?, _ checker: inout ArgumentChecker) throws -> SandboxRequest {
        guard id == nil else {
            checker.report(place.problem(needingGatewayFor: "SANDBOX"))
            let misplaced = options.given + (snapshot == nil ? [] : ["--snapshot"]) + (keep ? ["--keep"] : [])
            for name in misplaced {
                checker.report(OptionProblem(name, "is for a new sandbox", remedy: "leave it out, or leave out SANDBOX"))
            }
            return SandboxRequest()
        }
        if keep { checker.report(place.problem(needingGatewayFor: "--keep")) }
        do {
            return try SpecBuilder.request(from: options, snapshot: snapshot)
        } catch {
            guard let failure = error as? CommandFailure, checker.problems.isEmpty else {
                try checker.finish()
                throw error
            }
            throw failure
        }
    }

    private func start(_ checker: inout ArgumentChecker) -> ProcessRequest {
        if let workdir, !workdir.hasPrefix("/") {
            checker.report(OptionProblem("--workdir", "\"\(workdir)\" is not absolute", remedy: "begin it with /"))
        }
        // Input from a file or a pipe is a script, for which a terminal would only echo it.
        let size = RawTerminal.isAvailable ? RawTerminal.size ?? TerminalSize(columns: 80, rows: 24) : nil
        let command = Command(
            shell.map { [$0] } ?? ["/bin/sh", "-c", ShellCommand.anyShell],
            environment: size == nil ? [:] : ["TERM": Terminal.name], workingDirectory: workdir ?? SandboxSpec.workspace, terminal: size,
            user: user)
        return ProcessRequest(command)
    }

    private func open(_ sandbox: LivingSandbox, _ start: ProcessRequest) async throws -> ExitCode {
        try await ProcessSession(sandbox: sandbox, request: start, passesInput: true, isRaw: false).execute()
    }

    /// Renews the sandbox's lease while `work` goes on, unless its end was asked for.
    private func keepingAlive(
        _ sandbox: LivingSandbox, for lease: Duration, _ work: () async throws -> ExitCode
    ) async throws -> ExitCode {
        guard options.timeout == nil else { return try await work() }
        let renewing = Task {
            while (try? await Task.sleep(for: lease / 3)) != nil { _ = try? await sandbox.renew(for: lease) }
        }
        do {
            let code = try await work()
            renewing.cancel()
            await renewing.value
            return code
        } catch {
            renewing.cancel()
            await renewing.value
            throw error
        }
    }
}
