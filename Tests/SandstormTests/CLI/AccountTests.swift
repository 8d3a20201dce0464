import Foundation
import SandstormCore
import SandstormTestSupport
import Testing

@Suite("Accounts of a configuration") struct AccountTests {
    private static func configuration(_ url: String, _ key: String) -> String {
        """
        {"accounts": [{"name": "mine", "provider": "e2b", "key": \(key), "apiURL": "\(url)/e2b", "sandboxURL": "\(url)/e2b", "isolation": "standard",
          "lacks": ["memorySnapshots"], "limits": {"leastMemory": 128}}]}
        """
    }

    @Test(.needsSandboxes) func `a gateway runs code on another one that it takes for E2B's cloud`() async throws {
        let (cloud, own) = (try Fixture(), try Fixture())
        let (far, farURL) = try await cloud.serve("--dev")
        let key = try own.file("key", "any-key\n")
        let config = try own.file("config.json", Self.configuration(farURL, #"{"file": "\#(key)"}"#))
        let (near, url) = try await own.serve("--dev", "--config", config)
        let providers = try JSONValue(parsing: try await own.program("providers", "--json", "--gateway", url).output)
        let e2b = try #require(providers["providers"]?.arrayValue?.first { $0["id"] == "e2b" })
        #expect(e2b["healthy"] == true || e2b["isHealthy"] == true || e2b["state"] == "healthy", "\(e2b)")
        let outcome = try await own.program(
            "run", "-c", "echo there; pwd; exit 7", "--language", "shell", "--memory", "512MiB", "--route", "e2b", "--gateway", url,
            "--summary")
        #expect(outcome.code == 7, "\(outcome)")
        #expect(outcome.stdout == "there\n/workspace\n")
        #expect(outcome.stderr.contains("e2b"))
        let doctor = try await own.program("doctor", "--config", config, "--json")
        let guarantees = try #require(try JSONValue(parsing: doctor.output)["guarantees"]?.arrayValue)
        #expect(guarantees.contains { $0["id"] == "account.e2b.mine" && $0["state"] == "ok" })
        // Nothing is left at the other one.
        #expect(await eventually { Sandboxes.living(in: cloud.directory.path + "/gateway") == [] })
        for gateway in [near, far] {
            gateway.send(.terminate)
            _ = try await gateway.outcome()
        }
        let after = try await own.program("doctor", "--config", config)
        #expect(after.code == 1 && after.stdout.contains("account mine at e2b") && after.stdout.contains("missing"))
    }

    @Test func `a key is never told, and one that is not there is`() async throws {
        let fixture = try Fixture(environment: ["SET": "e2b_secret"])
        for (key, told) in [
            (#"{"environment": "UNSET"}"#, "the variable UNSET is not set"), (#"{"file": "/no/such/key"}"#, "/no/such/key does not exist"),
            (#""e2b_secret""#, "does not say where the key is"), (#"{"environment": "SET", "file": "x"}"#, "does not say where the key is"),
        ] {
            let config = try fixture.file("config.json", Self.configuration("ftp://x", key))
            let outcome = try await fixture.program("serve", "--dev", "--listen", "127.0.0.1:0", "--config", config)
            #expect(outcome.code == 64)
            #expect(outcome.stderr.contains(told) && outcome.stderr.contains("/accounts/0/key"), "\(outcome)")
            #expect(outcome.stderr.contains("/accounts/0/apiURL"), "\(outcome)")
            #expect(!outcome.stderr.contains("e2b_secret"))
        }
    }
}
