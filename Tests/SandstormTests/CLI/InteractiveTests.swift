import Foundation
import SandstormCore
import SandstormTestSupport
import Testing

@Suite("Commands at a terminal", .needsSandboxes) struct InteractiveTests {
    private func terminal(_ fixture: Fixture, _ arguments: String..., columns: UInt16 = 80, rows: UInt16 = 24) throws -> TerminalProgram {
        var environment = fixture.program.surroundings
        environment["PS1"] = "> "
        return try TerminalProgram(arguments, environment: environment, columns: columns, rows: rows)
    }

    @Test func `a shell in a sandbox of its own, without a gateway`() async throws {
        let fixture = try Fixture()
        let shell = try terminal(fixture, "shell", columns: 91, rows: 33)
        try #require(await eventually(within: .seconds(60)) { shell.isRaw }, "\(shell.screen)")
        shell.type("stty size; echo $TERM; tty >/dev/null && echo has-a-''terminal\n")
        #expect(await shell.shows("33 91"), "\(shell.screen)")
        #expect(await shell.shows("has-a-terminal"), "\(shell.screen)")
        #expect(shell.screen.contains("xterm"))
        shell.resize(columns: 120, rows: 50)
        #expect(
            await eventually {
                shell.type("stty size\n")
                try? await Task.sleep(for: .milliseconds(200))
                return shell.screen.contains("50 120")
            }, "\(shell.screen)")
        // Ctrl-C is a key for the program in the sandbox, and ends only that.
        shell.type("sh -c 'echo under-''way; sleep 1000; echo not-''this'\n")
        #expect(await shell.shows("under-way"), "\(shell.screen)")
        shell.type("\u{3}")
        shell.type("echo still-''here; exit 7\n")
        #expect(await shell.shows("still-here"), "\(shell.screen)")
        #expect(await shell.exitCode() == 7)
        #expect(!shell.isRaw)
        #expect(Sandboxes.living(in: fixture.program.dataDirectory) == [])
    }

    @Test("the terminal is given back", arguments: [Signal.terminate, .hangUp, Signal(rawValue: 3), Signal(rawValue: 6)])
    func restored(signal: Signal) async throws {
        let fixture = try Fixture()
        let shell = try terminal(fixture, "shell")
        try #require(await eventually(within: .seconds(60)) { shell.isRaw }, "\(shell.screen)")
        shell.send(signal)
        let code = await shell.exitCode()
        let isCrash = [3, 6].contains(signal.rawValue)
        #expect(code == (isCrash ? 128 + signal.rawValue : 130))
        #expect(!shell.isRaw)
        if isCrash { try await expectRecovery(in: fixture) }
        #expect(Sandboxes.living(in: fixture.program.dataDirectory) == [])
    }

    /// What a program without a chance to tidy up has left is removed by the next one.
    private func expectRecovery(in fixture: Fixture) async throws {
        let next = try await fixture.program("runs")
        #expect(next.code == 0, "\(next)")
        #expect(Sandboxes.living(in: fixture.program.dataDirectory) == [])
    }

    @Test func `a second signal ends the program at once, and gives the terminal back`() async throws {
        let fixture = try Fixture()
        let shell = try terminal(fixture, "shell")
        try #require(await eventually(within: .seconds(60)) { shell.isRaw }, "\(shell.screen)")
        shell.send(.terminate)
        shell.send(.interrupt)
        shell.send(.terminate)
        #expect(await shell.exitCode() == 130)
        #expect(!shell.isRaw)
        try await expectRecovery(in: fixture)
    }

    @Test func `a script from a pipe needs no terminal`() async throws {
        let outcome = try await Fixture().program("shell", input: "echo one; tty >/dev/null || echo no-terminal; exit 3\n")
        #expect(outcome.code == 3, "\(outcome)")
        #expect(outcome.stdout == "one\nno-terminal\n")
    }

    @Test func `exec with a terminal, and escape sequences without`() async throws {
        let fixture = try Fixture()
        let (gateway, url) = try await fixture.serve("--dev")
        let ended = await outcome { try await useTerminals(fixture, url) }
        gateway.send(.terminate)
        _ = try await gateway.outcome()
        try ended.get()
    }

    private func useTerminals(_ fixture: Fixture, _ url: String) async throws {
        let made = try await fixture.program("sandboxes", "create", "--gateway", url)
        let id = made.stdout.trimmingCharacters(in: .whitespacesAndNewlines)
        try #require(made.code == 0, "\(made)")

        let exec = try terminal(
            fixture, "exec", "-it", id, "--gateway", url, "--", "sh", "-c",
            "stty size; printf '\\033]0;t\\007'; read x; echo got-$x; exit 4")
        #expect(await exec.shows("24 80"), "\(exec.screen)")
        // A program with a terminal may steer the one that shows it.
        #expect(await exec.shows("\u{1B}]0;t\u{7}"))
        exec.type("word\r")
        #expect(await exec.shows("got-word"), "\(exec.screen)")
        #expect(await exec.exitCode() == 4)
        #expect(!exec.isRaw)

        let attack = "printf '\\033[31mred\\033]52;c;cm0=\\007\\033[c\\n'"
        let shown = try terminal(fixture, "exec", id, "--gateway", url, "--", "sh", "-c", attack)
        #expect(await shown.shows("\u{1B}[31mred^[]52;c;cm0=^G^[[c"), "\(shown.screen.debugDescription)")
        #expect(await shown.exitCode() == 0)
        #expect(!shown.screen.contains("\u{1B}]"))
        let raw = try terminal(fixture, "exec", "--raw", id, "--gateway", url, "--", "sh", "-c", attack)
        #expect(await raw.shows("\u{1B}]52;c;cm0=\u{7}"))
        let run = try terminal(fixture, "run", "--quiet", "--gateway", url, "--", "sh", "-c", attack)
        #expect(await run.shows("\u{1B}[31mred^[]52;c;cm0=^G^[[c"), "\(run.screen.debugDescription)")
        #expect(await run.exitCode() == 0)
        // Piped, bytes are untouched.
        let piped = try await fixture.program("exec", id, "--gateway", url, "--", "sh", "-c", attack)
        #expect(piped.stdout == "\u{1B}[31mred\u{1B}]52;c;cm0=\u{7}\u{1B}[c\n")

        let confirmation = try terminal(fixture, "sandboxes", "kill", "--all", "--gateway", url)
        #expect(await confirmation.shows("Kill 1 sandbox?"))
        confirmation.type("n\n")
        #expect(await confirmation.exitCode() == 125)
        let confirmed = try terminal(fixture, "sandboxes", "kill", "--all", "--gateway", url)
        #expect(await confirmed.shows("Kill 1 sandbox?"))
        confirmed.type("y\n")
        #expect(await confirmed.exitCode() == 0)
        let list = try await fixture.program("sandboxes", "--json", "--gateway", url)
        #expect(list.stdout == "{\"sandboxes\":[]}\n")
    }
}
