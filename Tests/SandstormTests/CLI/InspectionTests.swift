import SandstormCore
import Testing

@Suite("Commands that only look") struct InspectionTests {
    @Test func `version`() async throws {
        let outcome = try await Fixture().program("--version")
        #expect(outcome.code == 0)
        #expect(outcome.stdout.split(separator: ".").count == 3)
    }

    @Test("help and completions", arguments: [["--help"], ["run", "--help"], ["--generate-completion-script", "bash"]])
    func help(arguments: [String]) async throws {
        let outcome = try await Fixture().program.start(arguments).outcome()
        #expect(outcome.code == 0)
        #expect(outcome.stdout.contains("sandstorm"))
    }

    @Test func `doctor tells each guarantee`() async throws {
        let program = try Fixture().program
        let outcome = try await program("doctor", "--json")
        let json = try JSONValue(parsing: outcome.output)
        #expect(outcome.code == (json["canRun"] == true ? 0 : 1))
        let guarantees = try #require(json["guarantees"]?.arrayValue)
        #expect(!guarantees.isEmpty)
        for guarantee in guarantees where guarantee["state"] != "ok" { #expect(guarantee["remedy"] != nil, "\(guarantee)") }
        #expect(try await program("doctor").stdout.split(separator: "\n").count > guarantees.count)
    }

    @Test func `providers and their state`() async throws {
        let program = try Fixture().program
        #expect(try await program("providers").stdout.contains("local"))
        let json = try JSONValue(parsing: await program("providers", "--json").output)
        #expect(json["providers"]?.arrayValue?.first?["id"] == "local")
    }

    @Test(.needsSandboxes) func `explain shows each offer and runs nothing`() async throws {
        let program = try Fixture().program
        let table = try await program("explain", "-c", "print(1)", "--language", "python", "--summary")
        #expect(table.code == 0)
        #expect(table.stdout.contains("local/standard"))
        #expect(table.stdout.contains("kept"))
        let json = try await program("explain", "-c", "print(1)", "--language", "python", "--json", "--exclude", "local")
        #expect(json.code == 125)
        #expect(Decision(json: try JSONValue(parsing: json.output)).ranking.isEmpty)
        #expect(try await program("runs", "--json").stdout == #"{"runs":[]}"# + "\n")
    }
}
