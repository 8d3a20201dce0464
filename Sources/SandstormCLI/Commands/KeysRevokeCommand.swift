import ArgumentParser
import Sandstorm
import SandstormEngine
import SandstormStore

/// `sandstorm keys revoke`
struct KeysRevokeCommand: ReportingCommand {
    static let configuration = CommandConfiguration(commandName: "revoke", abstract: "Revokes an API key.")

    @Argument(help: ArgumentHelp("The key, as keys list shows it.", valueName: "key id"))
    var key: String

    @OptionGroup var data: DataOptions

    func execute() async throws -> ExitCode {
        guard let id = APIKeyID(key) else {
            throw CommandFailure([
                OptionProblem(
                    "KEY_ID", "\"\(key.prefix(12))…\" is no key id", remedy: "copy one from sandstorm keys list; it starts with key_")
            ])
        }
        guard try await data.withKeys({ (ring) async throws(StoreError) in try await ring.revoke(id) }) else {
            throw CommandFailure(.sandstormFailed, "there is no key \(id) in this data directory")
        }
        Terminal.tell("\(id) is revoked")
        return .success
    }
}
