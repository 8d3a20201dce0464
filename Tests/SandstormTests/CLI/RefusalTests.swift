import Foundation
import SandstormCore
import Testing

@Suite("Refused command lines") struct RefusalTests {
    @Test func `every problem is told at once`() async throws {
        let outcome = try await Fixture().program(
            "run", "/no/such/file.py", "--cpu", "lots", "--memory", "1GB", "--timeout", "0s", "--env", "=x", "--max-cost", "cheap",
            "--objective", "best",
            "--isolation", "some", "--file", "/no/such/input", "--gpu", "L4:many", "--network", ",")
        #expect(outcome.code == 64)
        #expect(outcome.stdout == "")
        for option in [
            "FILE", "--cpu", "--memory", "--timeout", "--env", "--max-cost", "--objective", "--isolation", "--file", "--gpu", "--network",
        ] {
            #expect(outcome.stderr.contains("\n  \(option) "), "\(option) is missing in \(outcome.stderr)")
        }
        #expect(outcome.stderr.hasPrefix("sandstorm: 11 problems\n"), "\(outcome)")
    }

    @Test(
        "tells what would be right",
        arguments: [
            (["run"], "there is nothing to run"),
            (["run", "/"], "is a directory"),
            (["run", "-c", "print(1)"], "--language is missing"),
            (["run", "-c", "1", "-l", "cobol"], "--language is not a known language"),
            (["run", "-c", "1", "-l", "py", "--", "ls"], "are given together"),
            (["run", "-c", "1", "-l", "py", "--requirement", "requests"], "pass --network open"),
            (["run", "-c", "1", "-l", "py", "--detach"], "needs a gateway"),
            (["run", "-c", "1", "-l", "py", "--memory", "1MiB"], "give 64MiB to 512GiB"),
            (["run", "-c", "1", "-l", "py", "--disk", "1.5GiB"], "no size in whole GiB"),
            (["run", "-c", "1", "-l", "py", "--label", "x"], "NAME=VALUE"),
            (["run", "-c", "1", "-l", "py", "--route", "a=lots"], "no rule; give e2b"),
            (["run", "-c", "1", "-l", "py", "--route", #"{"type":"pinned"}"#], "--route at /to is missing"),
            (["run", "-c", "1", "-l", "py", "--objective", "cost=101"], "--objective cost is not a whole number in range"),
            (["explain", "-c", "1", "-l", "py", "--objective", "price=1"], "--objective price is not a known field"),
            (["run", "-c", "1", "-l", "py", "--session", ""], "--session is not a session key"),
            (["run", "-c", "1", "-l", "py", "--spec", "/no/such.json"], "does not exist"),
            (["run", "-c", "1", "-l", "py", "--gateway", "http://x", "--data-dir", "/tmp/x"], "--data-dir is given beside --gateway"),
            (["runs", "--state", "lost", "--limit", "0", "--before", "x"], "3 problems"),
            (["logs", "nonsense"], "is no run id"),
            (["keys", "revoke", "nonsense"], "is no key id"),
            (["serve", "--dev", "--listen", "0.0.0.0:8787"], "needs no key"),
            (["serve", "--listen", "nonsense"], "HOST:PORT"),
            (["serve", "--log-level", "loud"], "is no level"),
            (["serve", "--local-private-network", "10.0.0.1/8"], "is no IPv4 network"),
            (["serve", "--local-private-network", "10.0.0.0/8", "--local-host-network"], "opens all networks"),
            (["serve", "--idle-timeout", "soon"], "no length of time"),
            (["serve", "--max-connections", "0"], "is out of range"),
        ])
    func remedy(arguments: [String], words: String) async throws {
        let outcome = try await Fixture().program.start(arguments).outcome()
        #expect(outcome.code == 64, "\(outcome)")
        #expect(outcome.stdout == "")
        #expect(outcome.stderr.contains(words), "\(outcome)")
    }

    @Test func `files that are no source`() async throws {
        let fixture = try Fixture()
        let binary = try fixture.file("binary.py", [0x7F, 0x45, 0x4C, 0x46, 0x00])
        let latin = try fixture.file("latin.py", [0x23, 0xE9])
        let unknown = try fixture.file("code.xyz", "x")
        let bare = try fixture.file("code", "x")
        #expect(try await fixture.program("run", binary).stderr.contains("is not text"))
        #expect(try await fixture.program("run", latin).stderr.contains("is not text"))
        #expect(try await fixture.program("run", unknown).stderr.contains("extension .xyz"))
        #expect(try await fixture.program("run", bare).stderr.contains("has no extension"))
    }

    @Test func `a spec file that is none`() async throws {
        let fixture = try Fixture()
        let broken = try fixture.file("broken.json", "{")
        let wrong = try fixture.file("wrong.json", #"{"code": "1", "language": "python", "colour": "red", "cpus": 4}"#)
        #expect(try await fixture.program("run", "--spec", broken).stderr.contains("is not JSON"))
        let outcome = try await fixture.program("run", "--spec", wrong)
        #expect(outcome.code == 64)
        #expect(outcome.stderr.contains("wrong.json at /spec/colour"))
        #expect(outcome.stderr.contains(#"did you mean "cpu"?"#))
    }

    @Test func `a data directory that can't be one`() async throws {
        let fixture = try Fixture()
        let file = try fixture.file("file", "")
        let outcome = try await fixture.program("runs", "--data-dir", file)
        #expect(outcome.code == 125)
        #expect(outcome.stderr.contains("is not a directory"))
    }

    @Test(
        "a gateway that is none",
        arguments: [
            ("http://127.0.0.1:1", "connection refused"),
            ("127.0.0.1:8787", "no scheme"),
            ("ftp://example.com", "neither http:// nor https://"),
            ("http://user:secret@example.com", "user name or password"),
        ])
    func noGateway(url: String, words: String) async throws {
        let outcome = try await Fixture().program("runs", "--gateway", url)
        #expect(outcome.code == 125)
        #expect(outcome.stderr.contains(words), "\(outcome)")
        #expect(!outcome.stderr.contains("secret"))
    }
}
