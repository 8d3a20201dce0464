import ArgumentParser
import Sandstorm

/// `sandstorm sandboxes create`
struct SandboxesCreateCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Makes a sandbox and prints its id once commands can be started in it.",
        discussion: "It lives until --timeout has passed since, unless it is renewed or killed before.")

    @Option(help: ArgumentHelp("Start with what this snapshot kept.", valueName: "snapshot id"))
    var snapshot: String?

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var options: SandboxOptions
    @OptionGroup(title: "Place") var place: PlaceOptions

    func execute() async throws -> ExitCode {
        if let problem = place.problem(needingGatewayFor: "The new sandbox") { throw CommandFailure([problem]) }
        let request = try SpecBuilder.request(from: options, snapshot: snapshot)
        let info = try await place.withSandstorm { sandstorm in
            let progress = Progress("making a sandbox")
            defer { progress.end() }
            return try await sandstorm.createSandbox(request).info()
        }
        try await info.print(asJSON: json)
        return .success
    }
}
