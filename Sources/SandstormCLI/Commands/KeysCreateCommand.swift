import ArgumentParser
import Sandstorm
import SandstormEngine
import SandstormStore

/// `sandstorm keys create`
struct KeysCreateCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Makes an API key and prints its secret, which can't be shown again.")

    @Option(help: "What the key is for; shown by keys list.")
    var name = "unnamed"

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var data: DataOptions

    func execute() async throws -> ExitCode {
        guard (1...128).contains(name.count) else {
            throw CommandFailure([OptionProblem("--name", "is empty or too long", remedy: "give 1 to 128 characters")])
        }
        let (secret, record) = try await data.withKeys { (ring) async throws(StoreError) in try await ring.make(name: name) }
        if json {
            let object: JSONObject = ["id": .string(record.id.rawValue), "name": .string(record.name), "secret": .string(secret)]
            try await StandardOutput.output.line(JSONValue.object(object).encoded)
        } else {
            try await StandardOutput.output.line(secret)
            Terminal.tell("\(record.id): keep the secret above; it can't be shown again")
        }
        return .success
    }
}
