import SandstormCore
import SandstormTestSupport
import Testing

@testable import SandstormEngine

@Suite("Nearest fit") struct NearestFitTests {
    private func refusal(_ change: (inout RunRequest) -> Void) async throws -> String {
        let slow = ScriptedProvider(
            id: "slow", price: PriceSchedule(perVCPUSecond: Rate(picodollars: 1_000_000_000_000)), startLatency: .milliseconds(900))
        let gateway = try await TestGateway([slow])
        var request = RunRequest.scripted()
        change(&request)
        let refused = request
        let error = await #expect(throws: EngineError.self) { try await gateway.run(refused) }
        await gateway.stop()
        #expect(error?.kind == .noOffer)
        return error?.message ?? ""
    }

    @Test func `a latency cap that is too tight is told by how much`() async throws {
        let words = try await refusal { $0.constraints.maxLatency = .milliseconds(100) }
        #expect(words.contains("would fit with maxLatency ≥ "), "\(words)")
    }

    @Test func `so is a cost cap, and an exclusion`() async throws {
        let words = try await refusal { request in
            request.constraints.maxCost = "$0.50"
            request.constraints.excludeProviders = ["slow"]
        }
        #expect(words.contains("would fit with slow taken out of excludeProviders and maxCost ≥ 2.0"), "\(words)")
    }

    @Test func `what a place lacks is told with what it has`() async throws {
        let small = ScriptedProvider(
            id: "small", capabilities: ProviderCapabilities(maximum: Resources(milliCPU: 8000, memoryMiB: 32_768, diskGiB: 10)))
        let gateway = try await TestGateway([small])
        var request = RunRequest.scripted()
        request.spec.memory = 65_536
        let refused = request
        let error = await #expect(throws: EngineError.self) { try await gateway.run(refused) }
        #expect(error?.message == "small: memory 65536 MiB: at most 32768 here; would fit with memory ≤ 32768")
        #expect(gateway.metric("sandstorm_routing_offers_total{filter=\"capability\"}") == 1)
        await gateway.stop()
    }
}
