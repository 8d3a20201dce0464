import ArgumentParser
import Sandstorm

/// `sandstorm files cp`
struct FilesCopyCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "cp", abstract: "Copies a file or a directory into a sandbox or out of it.",
        discussion: """
            Directories are copied with everything in them. What is copied onto a directory goes into it. A lone - stands for standard \
            input or standard output; a directory goes to standard output as a tar archive. What comes out of a sandbox is written \
            nowhere but below the destination: links that point outside of it, devices and pipes are left out.
            """, aliases: ["copy"])

    @Argument(help: ArgumentHelp("What to copy: a local path, SANDBOX:PATH, or -.", valueName: "source"))
    var source: String

    @Argument(help: ArgumentHelp("Where to: a local path, SANDBOX:PATH, or -.", valueName: "destination"))
    var destination: String

    @Flag(help: "Leave escape sequences as they are also when a terminal shows the output.")
    var raw = false

    @Flag(name: .shortAndLong, help: "No progress.")
    var quiet = false

    @OptionGroup var place: PlaceOptions

    func execute() async throws -> ExitCode {
        let (comes, goes) = (SandboxPath.isMeant(by: source), SandboxPath.isMeant(by: destination))
        var checker = ArgumentChecker()
        if comes == goes {
            checker.report(
                OptionProblem(
                    "SOURCE and DESTINATION", comes ? "are both in sandboxes" : "are both on this machine",
                    remedy: "write one of them as SANDBOX:/PATH" + (comes ? ", and go by way of a local file" : "")))
        } else {
            checker.report(place.problem(needingGatewayFor: comes ? "SOURCE" : "DESTINATION"))
        }
        let path = comes == goes ? nil : checker.path(comes ? source : destination, at: comes ? "SOURCE" : "DESTINATION")
        try checker.finish()
        guard let path else { return .usage }
        try await place.withSandstorm { sandstorm in
            let progress = CopyProgress(isEnabled: Terminal.isInteractive && !quiet)
            defer { progress.end() }
            let copy = FileCopy(sandstorm: sandstorm, progress: progress)
            if comes {
                try await copy.download(path, to: destination, isRaw: raw)
            } else {
                try await copy.upload(source, to: path)
            }
        }
        return .success
    }
}
