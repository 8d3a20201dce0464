import ArgumentParser
import Sandstorm

/// `sandstorm sandboxes get`
struct SandboxesGetCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Shows a sandbox as it stands, also one that has ended.", aliases: ["show"])

    @Argument(help: ArgumentHelp("The sandbox.", valueName: "sandbox"))
    var sandbox: String

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var place: PlaceOptions

    func execute() async throws -> ExitCode {
        var checker = ArgumentChecker()
        let id = checker.sandbox(sandbox)
        try checker.finish()
        let info = try await place.withSandstorm { try await $0.sandbox(id).info() }
        if json { try await info.print(asJSON: true) } else { try await info.describe() }
        return .success
    }
}
