import ArgumentParser
import Sandstorm
import SandstormEngine
import SandstormStore

/// `sandstorm keys list`
struct KeysListCommand: ReportingCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "Lists API keys without their secrets, newest first.")

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var data: DataOptions

    func execute() async throws -> ExitCode {
        let keys = try await data.withKeys { (ring) async throws(StoreError) in try await ring.list() }
        if json {
            let list = keys.map { key -> JSONValue in
                var object: JSONObject = [
                    "id": .string(key.id.rawValue), "name": .string(key.name), "project": .string(key.project.rawValue),
                    "createdAt": .string(key.createdAt.rfc3339),
                ]
                object["revokedAt"] = key.revokedAt.map { .string($0.rfc3339) }
                return .object(object)
            }
            try await StandardOutput.output.line(JSONValue.object(["keys": .array(list)]).encoded)
            return .success
        }
        var table = Table("key", "name", "project", "created", "revoked")
        for key in keys { table.add(key.id.rawValue, key.name, key.project.rawValue, key.createdAt.rfc3339, key.revokedAt?.rfc3339 ?? "-") }
        try await StandardOutput.output.write(Array(table.text.utf8))
        return .success
    }
}
