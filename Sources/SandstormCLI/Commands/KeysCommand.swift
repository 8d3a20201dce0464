import ArgumentParser
import Sandstorm
import SandstormEngine
import SandstormStore

/// `sandstorm keys`
struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "Makes, lists and revokes the API keys of a gateway.",
        discussion: "Works on the gateway's data directory.",
        subcommands: [KeysCreateCommand.self, KeysListCommand.self, KeysRevokeCommand.self])
}

extension DataOptions {
    /// Does something with the keys in the data directory.
    func withKeys<Value>(_ work: (KeyRing) async throws(StoreError) -> Value) async throws -> Value {
        // Beside a running gateway as well: a key that leaked must be revocable at once.
        let store = try await EmbeddedGateway.store(in: directory, locking: false)
        do throws(StoreError) {
            let value = try await work(KeyRing(store: store))
            await store.close()
            return value
        } catch {
            await store.close()
            throw CommandFailure(.sandstormFailed, error.message)
        }
    }
}
