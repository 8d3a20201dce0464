import Foundation
import SandstormCore
import SandstormTestSupport
import Testing

@Suite("sandstorm serve") struct ServeCommandTests {
    @Test(.needsSandboxes) func `a development gateway takes runs without a key`() async throws {
        let fixture = try Fixture()
        let (gateway, url) = try await fixture.serve("--dev")
        let outcome = try await fixture.program("run", "-c", "echo out; exit 4", "--language", "shell", "--gateway", url)
        #expect(outcome.code == 4)
        #expect(outcome.stdout == "out\n")
        let detached = try await fixture.program(
            "run", "-c", "echo a; sleep 1; echo b", "--language", "shell", "--gateway", url, "--detach")
        let id = try #require(RunID(detached.stdout.split(separator: "\n").first ?? ""))
        #expect(try await fixture.program("logs", "--follow", id.rawValue, "--gateway", url).stdout == "a\nb\n")
        #expect(try await fixture.program("logs", id.rawValue, "--gateway", url).stdout == "a\nb\n")
        gateway.send(.terminate)
        #expect(try await gateway.outcome().code == 0)
    }

    @Test(.needsSandboxes) func `Ctrl-C ends a run at a gateway`() async throws {
        let fixture = try Fixture(environment: [:])
        let (gateway, url) = try await fixture.serve("--dev")
        let running = try fixture.program.start(["run", "-c", "echo begun; sleep 60", "--language", "shell", "--gateway", url])
        try #require(await eventually(within: .seconds(60)) { running.stdout == "begun\n" })
        running.send(.interrupt)
        #expect(try await running.outcome().code == 130)
        let data = fixture.directory.path + "/gateway"
        #expect(await eventually { Sandboxes.living(in: data) == [] })
        gateway.send(.interrupt)
        #expect(try await gateway.outcome().code == 0)
    }

    @Test func `the first key is shown once and is needed`() async throws {
        let fixture = try Fixture()
        let (first, url) = try await fixture.serve()
        let secret = try #require(first.stderr.split(whereSeparator: \.isWhitespace).first { $0.hasPrefix("sandstorm_") })
        let refused = try await fixture.program("runs", "--gateway", url)
        #expect(refused.code == 125)
        #expect(refused.stderr.contains("SANDSTORM_API_KEY"))
        #expect(try await fixture.program("runs", "--gateway", url, "--api-key", String(secret)).code == 0)
        first.send(.terminate)
        _ = try await first.outcome()
        let (second, _) = try await fixture.serve()
        #expect(!second.stderr.contains("sandstorm_"))
        second.send(.terminate)
        _ = try await second.outcome()
    }

    @Test func `a data directory has one gateway`() async throws {
        let fixture = try Fixture()
        let (gateway, _) = try await fixture.serve("--dev")
        let second = try await fixture.program(
            "serve", "--dev", "--listen", "127.0.0.1:0", "--data-dir", fixture.directory.path + "/gateway")
        #expect(second.code == 125)
        #expect(second.stderr.contains("held by another gateway"))
        gateway.send(.terminate)
        _ = try await gateway.outcome()
    }

    @Test func `a port that is taken`() async throws {
        let fixture = try Fixture()
        let (gateway, url) = try await fixture.serve("--dev")
        let second = try await fixture.program("serve", "--dev", "--listen", String(url.dropFirst("http://".count)))
        #expect(second.code == 125)
        #expect(second.stderr.contains("is taken by another program"), "\(second)")
        gateway.send(.terminate)
        _ = try await gateway.outcome()
    }
}
