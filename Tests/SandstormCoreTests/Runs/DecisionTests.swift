import SandstormCore
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite("Decisions") struct DecisionTests {
    private static func candidate(_ id: String, kept: Bool) -> Decision.Candidate {
        Decision.Candidate(
            offer: Offer(
                id: id, provider: "a", region: "here", resources: Resources(milliCPU: 500, memoryMiB: 512, diskGiB: 1),
                isolation: .standard, price: PriceSchedule(perCreate: "$0.01"), startLatency: .milliseconds(90)),
            isKept: kept, reason: "why", predictedCost: "$0.01", worstCost: "$0.02", predictedLatency: .milliseconds(90),
            costDeadline: .seconds(5))
    }

    @Test func `what the ranking went by survives its JSON`() throws {
        var kept = Self.candidate("a/1", kept: true)
        kept.expectedCost = "$0.012345678"
        kept.judgedLatency = .milliseconds(376)
        kept.failurePPM = 12_345
        kept.score = -9_000_000_000_000
        var decision = Decision(
            candidates: [kept, Self.candidate("a/2", kept: false)], refusals: [.init(provider: "b", reason: "full")], objective: .fastest)
        decision.rule = "canary of 5 %"
        decision.hedge = Decision.Hedge(offer: "a/2", delay: .milliseconds(250), explores: true)
        #expect(Decision(json: try JSONValue(parsing: decision.json.encoded)) == decision)
    }

    @Test func `what nobody knows is left out`() {
        let decision = Decision(candidates: [Self.candidate("a/2", kept: false)], refusals: [], objective: .balanced)
        for key in ["rule", "hedge"] { #expect(decision.json[key] == nil) }
        let candidate = decision.json["candidates"]?.arrayValue?.first
        for key in ["expectedCost", "judgedLatency", "failurePpm", "score"] { #expect(candidate?[key] == nil) }
        #expect(Decision(json: decision.json) == decision)
    }

    @Test(
        "what happens to a run on its way survives its JSON",
        arguments: [
            .queued(reason: "all places are full", ahead: 7),
            .attemptFailed(attempt: 2, provider: "e2b", code: .noCapacity, detail: "no machine is free"),
            .hedged(attempt: 2, provider: "modal"),
        ] as [RunEvent.Body])
    func events(body: RunEvent.Body) throws {
        let event = RunEvent(sequence: 3, time: Date(timeIntervalSince1970: 1_700_000_000), body: body)
        let data = try JSONValue(parsing: event.data.encoded)
        #expect(RunEvent(sequence: 3, name: event.name, data: data) == event)
    }
}
