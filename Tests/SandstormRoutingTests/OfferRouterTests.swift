import SandstormCore
import SandstormRouting
import Testing

@Suite("Offer router") struct OfferRouterTests {
    static let spec = SandboxSpec(code: "1", language: .python)

    static func offers(
        _ provider: ProviderID, perVCPUSecond: Int64, latency: Duration = .milliseconds(100), region: String? = nil,
        isolation: IsolationLevel = .standard
    ) -> OfferRouter.ProviderOffers {
        let offer = Offer(
            id: "\(provider)/x", provider: provider, region: region, resources: spec.resources, isolation: isolation,
            price: PriceSchedule(perVCPUSecond: Rate(picodollars: perVCPUSecond)), startLatency: latency)
        return .init(provider: provider, offers: [offer], refusal: nil, teardownTime: .seconds(1))
    }

    static func ranking(
        _ spec: SandboxSpec = spec, _ constraints: Constraints = Constraints(), _ providers: [OfferRouter.ProviderOffers]
    ) -> [ProviderID] {
        OfferRouter().decide(spec, constraints, among: providers).ranking.map(\.offer.provider)
    }

    static let dear = offers("dear", perVCPUSecond: 90_000_000, latency: .milliseconds(50))
    static let cheap = offers("cheap", perVCPUSecond: 10_000_000, latency: .milliseconds(900))

    @Test func `the objective decides the order`() {
        #expect(Self.ranking(Self.spec, Constraints(objective: .cheapest), [Self.dear, Self.cheap]) == ["cheap", "dear"])
        #expect(Self.ranking(Self.spec, Constraints(objective: .fastest), [Self.dear, Self.cheap]) == ["dear", "cheap"])
    }

    @Test func `preferences come before the objective, in their order`() {
        let other = Self.offers("other", perVCPUSecond: 50_000_000)
        let constraints = Constraints(preferredProviders: ["dear", "other"], objective: .cheapest)
        #expect(Self.ranking(Self.spec, constraints, [Self.cheap, other, Self.dear]) == ["dear", "other", "cheap"])
        let regional = [Self.offers("a", perVCPUSecond: 1, region: "us"), Self.offers("b", perVCPUSecond: 5, region: "eu")]
        #expect(Self.ranking(Self.spec, Constraints(preferredRegion: "eu"), regional) == ["b", "a"])
    }

    @Test func `hard constraints drop an offer and say why`() throws {
        var spec = Self.spec
        spec.region = "eu"
        spec.isolation = .strong
        let decision = OfferRouter().decide(
            spec, Constraints(maxLatency: .milliseconds(200), excludeProviders: ["x"]),
            among: [
                Self.offers("x", perVCPUSecond: 1, region: "eu", isolation: .strong), Self.offers("weak", perVCPUSecond: 1, region: "eu"),
                Self.offers("far", perVCPUSecond: 1, region: "us", isolation: .strong),
                Self.offers("slow", perVCPUSecond: 1, latency: .seconds(1), region: "eu", isolation: .maximum),
                Self.offers("good", perVCPUSecond: 1, region: "eu", isolation: .maximum),
                .init(provider: "none", offers: [], refusal: "gpu L4: not on offer", teardownTime: .zero),
            ])
        #expect(decision.ranking.map(\.offer.provider) == ["good"])
        let reasons = Dictionary(uniqueKeysWithValues: decision.candidates.map { ($0.offer.provider.rawValue, $0.reason) })
        #expect(reasons["x"] == "excluded by the request")
        #expect(reasons["weak"] == "isolation standard is weaker than strong")
        #expect(reasons["far"] == "not in region eu")
        #expect(reasons["slow"]?.contains("later than 200 ms") == true)
        #expect(decision.refusals == [.init(provider: "none", reason: "gpu L4: not on offer")])
    }

    @Test func `a cost cap becomes a deadline, or drops what it can't pay for`() throws {
        // $0.00009 a second: a cap of $0.0009 pays for 10 s, less 1 s for the teardown.
        let decision = OfferRouter().decide(Self.spec, Constraints(maxCost: "$0.0009"), among: [Self.dear])
        #expect(decision.ranking.first?.costDeadline == .seconds(9))
        #expect(Self.ranking(Self.spec, Constraints(maxCost: "$0.0001"), [Self.dear]).isEmpty)
    }

    @Test func `a decision survives the journal`() throws {
        let decision = OfferRouter().decide(Self.spec, Constraints(maxCost: "$0.0009"), among: [Self.dear, Self.cheap])
        #expect(Decision(json: try JSONValue(parsing: decision.json.encodedBytes)) == decision)
    }
}
