import HTTPTypes
import HummingbirdTesting
import SandstormCore
import SandstormEngine
import SandstormTestSupport
import Testing

@testable import NativeAPI
@testable import SandstormServer

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

    @Test func `beside its own offers a gateway tells what others ask, and how sure that is`() async throws {
        let own = ScriptedProvider(
            id: "own", price: PriceSchedule(perVCPUSecond: try #require(Rate("0.00001")), granularity: .seconds(60), minimum: .seconds(120))
        )
        try await TestAPI([own], prices: PriceConfiguration()).test { client in
            let json = try await client.send(.get, "/v1/prices?cpu=2&memory=4096&duration=10000").json
            let prices = try #require(json["prices"]?.arrayValue)
            func price(_ id: String) throws -> JSONValue { try #require(prices.first { $0["id"]?.stringValue == id }, "\(id)") }
            let mine = try #require(prices.first { $0["provider"]?.stringValue == "own" })
            #expect(mine["configured"]?.boolValue == true)
            #expect(mine["account"]?.stringValue == "default")
            #expect(mine["cost"]?.stringValue == "0.002400000")
            #expect(mine["listCost"]?.stringValue == "0.000200000")
            #expect(mine["hourlyCost"]?.stringValue == "0.072000000")
            #expect(mine["freshness"]?["origin"]?.stringValue == "provider")
            let e2b = try price("e2b")
            #expect(e2b["account"]?.stringValue == "none")
            #expect(e2b["configured"]?.boolValue == false)
            // 10 × (2 × 0.000014 + 4 × 0.0000045)
            #expect(e2b["cost"]?.stringValue == "0.000460000")
            #expect(e2b["startLatency"] == nil && e2b["isolation"] == nil)
            let freshness = try #require(e2b["freshness"])
            #expect(freshness["origin"]?.stringValue == "shipped")
            #expect(freshness["certainty"]?.stringValue == "published")
            #expect(freshness["roundingUncertain"]?.boolValue == true)
            #expect(freshness["sources"]?.arrayValue?.first?["read"]?.stringValue == "2026-08-06")
            #expect((freshness["age"]?.intValue ?? 0) > 86_400_000)
            #expect(try price("modal/us")["freshness"]?["certainty"]?.stringValue == "uncertain")
            let morph = try price("morph")
            #expect(morph["cost"] == nil && morph["price"] == nil)
            #expect(morph["freshness"]?["detail"]?.stringValue?.contains("prices.entries.morph") == true)
            // The unknown comes last, and what is known stands in order.
            #expect(prices.last?["id"]?.stringValue == "morph")
            let costs = prices.compactMap { $0["cost"]?.stringValue }.compactMap { Money($0) }
            #expect(costs == costs.sorted() && costs.count > 4)
            #expect(!prices.contains { $0["id"]?.stringValue == "modal.function" })
        }
    }

    @Test func `whose prices are told is the caller's to say`() async throws {
        try await TestAPI([ScriptedProvider(id: "modal")], prices: PriceConfiguration()).test { client in
            func providers(_ query: String) async throws -> [String] {
                let prices = try await client.send(.get, "/v1/prices?\(query)").json["prices"]?.arrayValue ?? []
                return prices.compactMap { $0["id"]?.stringValue }
            }
            let market = try await providers("")
            #expect(market.contains("e2b") && market.contains("daytona"))
            // Whoever has an account is asked, not read about.
            #expect(!market.contains("modal/us"))
            #expect(try await providers("scope=market") == market)
            let mine = try await providers("scope=mine")
            #expect(mine.count == 1)
            let all = try await providers("scope=all")
            #expect(all.contains("kubernetes") && all.count > market.count)
            #expect(try await providers("isolation=strong").allSatisfy { !market.contains($0) || mine.contains($0) })
            #expect(try await providers("gpu=H100") == ["daytona"])
            #expect(try await providers("cpu=16&memory=65536").contains("e2b") == false)
        }
    }

    @Test func `what the operator says of a price covers what came with the program`() async throws {
        let section = try JSONValue(
            parsing: #"""
                {"entries": {"morph": {"cpu": "0.00001", "title": "Morph, by contract"}, "daytona": null,
                 "kubernetes": {"kind": "machine", "machine": {"perHour": "0.80", "capacity": {"cpu": 16, "memory": 65536}}}}}
                """#)
        let configuration = try PriceConfiguration(json: section, at: "/prices")
        try await TestAPI(prices: configuration).test { client in
            let prices = try await client.send(.get, "/v1/prices?cpu=1&memory=1024").json["prices"]?.arrayValue ?? []
            func price(_ id: String) -> JSONValue? { prices.first { $0["id"]?.stringValue == id } }
            #expect(price("morph")?["cost"]?.stringValue == "0.036000000")
            #expect(price("morph")?["freshness"]?["certainty"]?.stringValue == "configured")
            #expect(price("morph")?["freshness"]?["origin"]?.stringValue == "configuration")
            #expect(price("daytona") == nil)
            // 0.80 / 2 / 16 + 0.80 / 2 / 64
            #expect(price("kubernetes")?["cost"]?.stringValue == "0.031250000")
        }
    }

    @Test(
        "parameters that can't be right",
        arguments: [
            "cpu=0", "cpu=65", "cpu=x", "cpu=", "memory=1", "memory=1.5", "disk=0", "gpu=", "isolation=high", "network=allow", "duration=0",
            "duration=2678400001", "durations=1", "cpu=%221%22", "cpu=1&cpu=2", "scope=", "scope=ours", "region=",
        ])
    func bad(query: String) async throws {
        try await TestAPI().test { client async throws in
            let response = try await client.send(.get, "/v1/prices?\(query)")
            #expect(response.status == .badRequest)
            #expect(try response.problem() == "invalid-parameter")
        }
    }
}
