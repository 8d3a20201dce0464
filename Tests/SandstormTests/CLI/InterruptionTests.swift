import Foundation
import SandstormCore
import SandstormTestSupport
import Testing

@Suite("Ctrl-C and closed pipes", .needsSandboxes) struct InterruptionTests {
    @Test("cancels the run and leaves no sandbox", arguments: [Signal.interrupt, .terminate])
    func cancels(signal: Signal) async throws {
        let fixture = try Fixture()
        let running = try fixture.program.start(["run", "-c", "echo begun; sleep 60", "--language", "shell"])
        try #require(await eventually(within: .seconds(60)) { running.stdout == "begun\n" })
        running.send(signal)
        let outcome = try await running.outcome()
        #expect(outcome.code == 130)
        #expect(outcome.stderr == "sandstorm: cancelled\n")
        #expect(Sandboxes.living(in: fixture.program.dataDirectory) == [])
        let runs = try JSONValue(parsing: await fixture.program("runs", "--json").output)
        let run = try #require(runs["runs"]?.arrayValue?.first.flatMap(RunResult.init(json:)))
        #expect(run.state == .cancelled)
        #expect(run.isSettled)
    }

    @Test func `a closed output ends the run quietly`() async throws {
        let fixture = try Fixture()
        let script = "\"$0\" run -c 'while :; do echo line; sleep 0.1; done' --language shell | head -1; echo ${PIPESTATUS[0]}"
        let outcome = try await fixture.program.start("/bin/bash", ["-c", script, Program.path]).outcome()
        #expect(outcome.stdout == "line\n141\n")
        #expect(outcome.stderr == "")
        #expect(Sandboxes.living(in: fixture.program.dataDirectory) == [])
    }

    @Test func `much output arrives whole`() async throws {
        let outcome = try await Fixture().program("run", "-c", "yes | head -c 3000000", "--language", "shell")
        #expect(outcome.code == 0)
        #expect(outcome.output.count == 3_000_000)
    }
}
