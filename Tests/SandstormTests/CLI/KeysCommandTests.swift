import SandstormCore
import Testing

@Suite("sandstorm keys") struct KeysCommandTests {
    @Test func `made, listed, revoked`() async throws {
        let program = try Fixture().program
        let created = try await program("keys", "create", "--name", "laptop")
        #expect(created.code == 0)
        let secret = try #require(created.stdout.split(separator: "\n").first)
        #expect(secret.hasPrefix("sandstorm_"))
        #expect(!created.stderr.contains(secret))

        let keys = try JSONValue(parsing: await program("keys", "list", "--json").output)["keys"]?.arrayValue
        let key = try #require(keys?.first)
        #expect(key["name"] == "laptop")
        #expect(key["revokedAt"] == nil)
        let id = try #require(key["id"]?.stringValue)
        let table = try await program("keys", "list").stdout
        #expect(table.contains(id))
        #expect(!table.contains(secret))

        #expect(try await program("keys", "revoke", id).code == 0)
        let revoked = try JSONValue(parsing: await program("keys", "list", "--json").output)["keys"]?.arrayValue?.first
        #expect(revoked?["revokedAt"] != nil)
        #expect(try await program("keys", "revoke", APIKeyID.generate().rawValue).code == 125)
    }
}
