import Foundation
import SandstormCore
import Testing

@Suite("Identifiers") struct IdentifierTests {
    @Test func `identifiers are unique and sort by time`() {
        let early = RunID.generate(at: Date(timeIntervalSince1970: 1_000_000))
        let late = RunID.generate(at: Date(timeIntervalSince1970: 1_000_000.002))
        #expect(early < late)
        #expect(Set((0..<10_000).map { _ in RunID.generate() }).count == 10_000)
        #expect(RunID(early.rawValue) == early)
    }

    @Test(
        "texts of another form are refused",
        arguments: [
            "", "run_", "run_123", "sbx_00000000000000000000000000", "run_0000000000000000000000000Z", "run_000000000000000000000000/0",
        ])
    func refuses(text: String) { #expect(RunID(text) == nil) }

    @Test func `instants keep their milliseconds`() throws {
        let date = Date(timeIntervalSince1970: 1_763_717_400.125)
        #expect(date.rfc3339 == "2025-11-21T09:30:00.125Z")
        for millisecond in 0..<1000 {
            let instant = Date(timeIntervalSince1970: (1_763_717_400_000 + Double(millisecond)) / 1000)
            #expect(Date(rfc3339: instant.rfc3339) == instant)
        }
    }

    @Test(
        "lengths of time are read as people write them",
        arguments: [("500ms", 500), ("10s", 10_000), ("1.5m", 90_000), ("2h", 7_200_000), ("30", 30_000)] as [(String, Int)])
    func durations(text: String, milliseconds: Int) { #expect(Duration(parsing: text) == .milliseconds(milliseconds)) }

    @Test("what is no length of time is refused", arguments: ["", "s", "-1s", "1 s", "1x", "1e3s", "99999999999999h"])
    func noDurations(text: String) { #expect(Duration(parsing: text) == nil) }
}
