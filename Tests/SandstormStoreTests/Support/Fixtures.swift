import SandstormCore
import SandstormStore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension Date {
    /// An instant without a fraction of a millisecond, as stores keep it.
    static func at(_ milliseconds: Int64) -> Date { Date(timeIntervalSince1970: Double(1_800_000_000_000 + milliseconds) / 1000) }
}

extension RunRecord {
    static func fixture(
        id: RunID = .generate(), tenant: TenantID = .generate(), idempotencyKey: String? = nil, fingerprint: [UInt8] = [1, 2, 3],
        owner: String = "gateway-1"
    ) -> RunRecord {
        var spec = SandboxSpec(code: "print('hällo')\n", language: .python)
        spec.environment = ["A": "\u{1}\"\\"]
        spec.metadata = ["team": "red"]
        spec.files = [SpecFile(path: "data.bin", content: [0, 255, 10])]
        let request = RunRequest(
            spec: spec, constraints: Constraints(maxCost: "$0.10", preferredProviders: ["local"]), detached: true,
            idempotencyKey: idempotencyKey)
        var result = RunResult(id: id, state: .accepted, createdAt: .at(5))
        result.metadata = spec.metadata
        return RunRecord(
            result: result, tenant: tenant, project: .generate(), key: .generate(), request: request, fingerprint: fingerprint,
            owner: owner)
    }
}

extension Offer {
    static let fixture = Offer(
        id: "local/default", provider: "local", account: "main", region: "eu",
        resources: Resources(milliCPU: 1500, memoryMiB: 512, diskGiB: 3, gpu: GPURequest(type: "L4", count: 2)), isolation: .strong,
        price: PriceSchedule(
            perVCPUSecond: Rate(picodollars: 14_000_001), perGPUSecond: ["L4": Rate(picodollars: 7)], perCreate: "$0.000000001",
            granularity: .seconds(1)), startLatency: .milliseconds(12))
}

extension AttemptRecord {
    static func fixture(of run: RunID, number: Int = 1, charge: Money = .zero) -> AttemptRecord {
        var attempt = AttemptRecord(
            id: .generate(), run: run, number: number, sandbox: .generate(), offer: .fixture, intendedAt: .at(10), leaseUntil: .at(60_000))
        attempt.charge = charge
        return attempt
    }
}

extension RunResult {
    /// How a run with output ends.
    static func finished(_ id: RunID, cost: Money = .zero) -> RunResult {
        var result = RunResult(id: id, state: .finished, createdAt: .at(5))
        result.exitCode = 0
        result.stdoutBytes = Array("out\n".utf8)
        result.cost = cost
        return result
    }
}

extension Store {
    /// Journals a run with attempts that have these charges.
    func acceptRun(charges: [Money], decision: Decision? = nil) async throws -> (run: RunID, attempts: [AttemptRecord]) {
        var run = RunRecord.fixture()
        run.result.decision = decision
        _ = try await accept(run)
        let attempts = charges.enumerated().map { index, charge in
            AttemptRecord.fixture(of: run.result.id, number: index + 1, charge: charge)
        }
        for attempt in attempts { try await save(attempt) }
        return (run.result.id, attempts)
    }
}
