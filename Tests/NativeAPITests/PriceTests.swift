import HTTPTypes
import HummingbirdTesting
import SandstormCore
import SandstormTestSupport
import Testing

@testable import NativeAPI

@Suite("Prices") struct PriceTests {
    @Test func `every place that can take it says what it asks, the cheapest first`() async throws {
        let dear = ScriptedProvider(id: "dear", price: PriceSchedule(perVCPUSecond: try #require(Rate("0.0002"))))
        let cheap = ScriptedProvider(id: "cheap", price: PriceSchedule(perVCPUSecond: try #require(Rate("0.0001"))))
        try await TestAPI([dear, cheap]).test { client in
            let json = try await client.send(.get, "/v1/prices?cpu=2&memory=512&duration=10000").json
            #expect(json["duration"]?.intValue == 10_000)
            let prices = try #require(json["prices"]?.arrayValue)
            #expect(prices.map { $0["provider"]?.stringValue } == ["cheap", "dear"])
            #expect(prices.map { $0["cost"]?.stringValue } == ["0.002000000", "0.004000000"])
            #expect(try await client.send(.get, "/v1/prices?gpu=H100").json["prices"]?.arrayValue?.isEmpty == true)
            #expect(try await client.send(.get, "/v1/prices").json["duration"]?.intValue == 3_600_000)
        }
    }

    @Test(
        "parameters that can't be right",
        arguments: [
            "cpu=0", "cpu=65", "cpu=x", "cpu=", "memory=1", "memory=1.5", "disk=0", "gpu=", "isolation=high", "network=allow", "duration=0",
            "duration=2678400001", "durations=1", "cpu=%221%22", "cpu=1&cpu=2",
        ])
    func bad(query: String) async throws {
        try await TestAPI().test { client async throws in
            let response = try await client.send(.get, "/v1/prices?\(query)")
            #expect(response.status == .badRequest)
            #expect(try response.problem() == "invalid-parameter")
        }
    }
}
