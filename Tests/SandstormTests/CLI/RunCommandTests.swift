import Foundation
import SandstormCore
import SandstormTestSupport
import Testing

@Suite("sandstorm run", .needsSandboxes) struct RunCommandTests {
    @Test func `passes output and exit code on`() async throws {
        let outcome = try await Fixture().program("run", "-c", "echo out; echo err >&2; exit 7", "--language", "shell")
        #expect(outcome.code == 7)
        #expect(outcome.stdout == "out\n")
        #expect(outcome.stderr == "err\n")
    }

    @Test func `a signal is 128 and its number`() async throws {
        let outcome = try await Fixture().program("run", "-c", "kill -TERM $$", "--language", "shell")
        #expect(outcome.code == 143)
    }

    @Test func `passes standard input on`() async throws {
        let outcome = try await Fixture().program("run", "-c", "tr a-z A-Z", "--language", "shell", "--stdin", input: "hello\n")
        #expect(outcome.stdout == "HELLO\n")
    }

    @Test func `passes bytes on that are not text`() async throws {
        let outcome = try await Fixture().program("run", "--", "printf", #"\377\000\376a"#)
        #expect(outcome.output == [0xFF, 0x00, 0xFE, 0x61])
    }

    @Test func `runs a file in the language of its extension`() async throws {
        let fixture = try Fixture()
        let file = try fixture.file("code.sh", "echo \"$1 $GREETING\"; cat data/input.txt\n")
        let input = try fixture.file("input.txt", "from a file\n")
        let outcome = try await fixture.program("run", file, "--arg", "one", "--env", "GREETING=hi", "--file", "\(input):data/input.txt")
        #expect(outcome.stdout == "one hi\nfrom a file\n", "\(outcome)")
    }

    @Test func `runs a command`() async throws {
        let outcome = try await Fixture().program("run", "--", "echo", "-n", "--json")
        #expect(outcome.stdout == "--json")
    }

    @Test func `output arrives while the code runs`() async throws {
        let fixture = try Fixture()
        let running = try fixture.program.start(["run", "-c", "echo first; sleep 300; echo second", "--language", "shell"])
        #expect(await eventually(within: .seconds(60)) { running.stdout == "first\n" })
        #expect(running.isRunning)
        running.send(.interrupt)
        #expect(try await running.outcome().stdout == "first\n")
    }

    @Test func `json is the result and nothing else`() async throws {
        let outcome = try await Fixture().program("run", "-c", "echo out; exit 3", "--language", "shell", "--json", "--label", "team=a")
        #expect(outcome.code == 3)
        #expect(outcome.stderr == "")
        let result = try #require(RunResult(json: JSONValue(parsing: outcome.output)))
        #expect(result.state == .finished)
        #expect(result.isSettled)
        #expect(result.exitCode == 3)
        #expect(result.stdout == "out\n")
        #expect(result.provider == "local")
        #expect(result.metadata == ["team": "a"])
    }

    @Test func `the summary is one line on standard error`() async throws {
        let outcome = try await Fixture().program("run", "-c", "echo out", "--language", "shell", "--summary")
        #expect(outcome.stdout == "out\n")
        let parts = outcome.stderr.split(separator: " · ")
        #expect(parts.count == 5, "\(outcome)")
        #expect(parts.first == "local")
        #expect(parts.last?.hasPrefix("run_") == true)
    }

    @Test func `is quiet when piped`() async throws {
        let outcome = try await Fixture().program("run", "-c", "sleep 1; echo out", "--language", "shell")
        #expect(outcome.stderr == "")
    }

    @Test func `the timeout has a code of its own`() async throws {
        let outcome = try await Fixture().program("run", "-c", "echo begun; sleep 60", "--language", "shell", "--timeout", "1s")
        #expect(outcome.code == 124)
        #expect(outcome.stdout == "begun\n")
        #expect(outcome.stderr.hasPrefix("sandstorm: the run was stopped at its timeout"))
    }

    @Test func `a program that is not there is told as such`() async throws {
        let outcome = try await Fixture().program("run", "--", "no-such-program")
        #expect(outcome.code == 125)
        #expect(outcome.stderr.contains("no-such-program"))
    }

    @Test func `nobody can run this`() async throws {
        let outcome = try await Fixture().program("run", "-c", "true", "--language", "shell", "--exclude", "local")
        #expect(outcome.code == 125)
        #expect(outcome.stderr.hasPrefix("sandstorm: nothing can run this"))
    }

    @Test func `a spec file and options that change it`() async throws {
        let fixture = try Fixture()
        let bare = try fixture.file("bare.json", #"{"code": "echo $A $B", "language": "shell", "environment": {"A": "1", "B": "1"}}"#)
        #expect(try await fixture.program("run", "--spec", bare, "--env", "B=2").stdout == "1 2\n")
        let whole = try fixture.file(
            "whole.json", #"{"spec": {"code": "exit 9", "language": "shell"}, "constraints": {"objective": "fastest"}}"#)
        #expect(try await fixture.program("run", "--spec", whole).code == 9)
    }

    @Test func `leaves no sandbox behind`() async throws {
        let fixture = try Fixture()
        _ = try await fixture.program("run", "-c", "sleep 100 & echo done", "--language", "shell")
        #expect(Sandboxes.living(in: fixture.program.dataDirectory) == [])
    }

    @Test func `is remembered`() async throws {
        let fixture = try Fixture()
        let id = try #require(
            RunResult(json: JSONValue(parsing: await fixture.program("run", "-c", "echo out; echo err >&2", "-l", "sh", "--json").output))
        ).id
        #expect(try await fixture.program("runs").stdout.contains(id.rawValue))
        let logs = try await fixture.program("logs", id.rawValue)
        #expect(logs.stdout == "out\n")
        #expect(logs.stderr == "err\n")
        #expect(try await fixture.program("logs", "-f", "--stream", "stderr", id.rawValue).stdout == "")
    }
}
