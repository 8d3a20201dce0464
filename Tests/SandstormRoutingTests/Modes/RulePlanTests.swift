import SandstormCore
import SandstormRouting
import Testing

@Suite("Routing rules") struct RulePlanTests {
    static func offer(_ id: String, region: String? = nil, account: String = "default") -> Offer {
        Offer(
            id: id, provider: ProviderID(String(id.prefix { $0 != "/" })), account: account, region: region,
            resources: SandboxSpec(code: "1", language: .python).resources, isolation: .standard,
            price: PriceSchedule(perVCPUSecond: Rate(picodollars: 1)), startLatency: .milliseconds(100))
    }

    static let offers = [
        offer("a/small", region: "eu"), offer("a/large", region: "us"), offer("b/x", region: "eu", account: "second"), offer("c/x"),
    ]

    static func rule(_ text: String) throws -> RoutingRule { try RoutingRule(json: JSONValue(parsing: text)) }

    static func tiers(
        _ text: String, _ offers: [Offer] = offers, kept: [Int32]? = nil, session: String? = nil, random: UInt64 = 0,
        at now: Moment = Moment(milliseconds: 0)
    ) throws -> [Int32] {
        var tiers = kept ?? offers.map { _ in 0 }
        RulePlan(try rule(text), for: offers)
            .apply(to: &tiers, session: session.map(RulePlan.session), random: random, at: now)
        return tiers
    }

    /// The offers that are not dropped, in tiers.
    static func order(
        _ text: String, session: String? = nil, random: UInt64 = 0, at now: Moment = Moment(milliseconds: 0)
    ) throws -> [[String]] {
        let tiers = try tiers(text, session: session, random: random, at: now)
        return Set(tiers).subtracting([RulePlan.dropped]).sorted().map { tier in
            offers.indices.filter { tiers[$0] == tier }.map { offers[$0].id }
        }
    }

    @Test(
        "the order of a list",
        arguments: [
            (#"{"type":"pinned","to":"a"}"#, [["a/small", "a/large"]]),
            (#"{"type":"pinned","to":"a/large"}"#, [["a/large"]]),
            (#"{"type":"pinned","to":{"account":"second"}}"#, [["b/x"]]),
            (#"{"type":"pinned","to":{"provider":"a","region":"eu"}}"#, [["a/small"]]),
            (#"{"type":"pinned","to":"nobody"}"#, []),
            (#"{"type":"fallback","order":["b","a"]}"#, [["b/x"], ["a/small", "a/large"]]),
            (#"{"type":"fallback","order":["c","a/large","a"],"others":true}"#, [["c/x"], ["a/large"], ["a/small"], ["b/x"]]),
            (#"{"type":"regions","order":["us","eu"]}"#, [["a/large"], ["a/small", "b/x"], ["c/x"]]),
            (#"{"type":"regions","order":["eu"],"others":false}"#, [["a/small", "b/x"]]),
            (#"{"type":"excluded","targets":["a/small","c"]}"#, [["a/large", "b/x"]]),
            (
                #"{"type":"all","rules":[{"type":"regions","order":["eu"]},{"type":"excluded","targets":["b"]}]}"#,
                [["a/small"], ["a/large", "c/x"]]
            ),
            (
                #"{"type":"all","rules":[{"type":"regions","order":["eu"]},{"type":"fallback","order":["c","b","a"]}]}"#,
                [["b/x"], ["a/small"], ["c/x"], ["a/large"]]
            ),
        ]) func order(text: String, expected: [[String]]) throws
    { #expect(try Self.order(text) == expected) }

    @Test func `many rules one after another keep their order`() throws {
        let list = #"{"type":"fallback","order":["c","a/large","b"],"others":true}"#
        let rules = Array(repeating: list, count: RoutingRule.longestList).joined(separator: ",")
        #expect(try Self.order(#"{"type":"all","rules":[\#(rules)]}"#) == [["c/x"], ["a/large"], ["b/x"], ["a/small"]])
        let sticky = Array(repeating: #"{"type":"sticky","by":"offer"}"#, count: RoutingRule.longestList).joined(separator: ",")
        let order = try Self.order(#"{"type":"all","rules":[\#(list),\#(sticky.dropLast(31))]}"#, session: "s")
        #expect(order == [["c/x"], ["a/large"], ["b/x"], ["a/small"]])
    }

    @Test func `what is out stays out`() throws {
        let tiers = try Self.tiers(#"{"type":"fallback","order":["b","a"],"others":true}"#, kept: [0, -1, -1, 0])
        #expect(tiers[1] == RulePlan.dropped && tiers[2] == RulePlan.dropped)
        #expect(tiers[0] >= 0 && tiers[0] < tiers[3])
    }

    @Test(
        "each dropped offer has its reason, each kept one none",
        arguments: [
            (#"{"type":"pinned","to":"a"}"#, "the routing rule allows only a"),
            (#"{"type":"fallback","order":["a","c"]}"#, "not in the routing rule's list: a, c"),
            (#"{"type":"split","shares":[{"to":"a","weight":1}]}"#, "has no share in the routing rule's split: a"),
            (#"{"type":"regions","order":["us"],"others":false}"#, "not in a region of the routing rule: us"),
            (#"{"type":"excluded","targets":[{"provider":"b","region":"eu"}]}"#, "the routing rule excludes b in eu"),
            (#"{"type":"schedule","windows":[{"rule":{"type":"pinned","to":"a"}}]}"#, "the routing rule allows only a, at this hour"),
            (
                #"{"type":"schedule","windows":[{"days":["fri"],"rule":{"type":"pinned","to":"c"}}],"otherwise":{"type":"pinned","to":"a"}}"#,
                "the routing rule allows only a, outside of its scheduled hours"
            ),
            (#"{"type":"all","rules":[{"type":"sticky"},{"type":"pinned","to":"a"}]}"#, "the routing rule allows only a"),
        ]) func reasons(text: String, reason: String) throws
    {
        let plan = RulePlan(try Self.rule(text), for: Self.offers)
        let tiers = try Self.tiers(text)
        #expect(tiers[2] == RulePlan.dropped)
        #expect(plan.reason(against: Self.offers[2], at: Moment(milliseconds: 0)) == reason)
        for (offer, tier) in zip(Self.offers, tiers) {
            #expect((plan.reason(against: offer, at: Moment(milliseconds: 0)) == nil) == (tier != RulePlan.dropped))
        }
    }

    /// How often each provider comes first.
    static func firsts(
        _ text: String, runs: Int = 8000, session: ((Int) -> String)? = nil, without: ProviderID? = nil
    ) throws -> [String: Int] {
        let plan = RulePlan(try rule(text), for: offers)
        var chance = SeededGenerator(seed: 7)
        var counts: [String: Int] = [:]
        for run in 0..<runs {
            var tiers: [Int32] = offers.map { $0.provider == without ? RulePlan.dropped : 0 }
            plan.apply(
                to: &tiers, session: session.map { RulePlan.session($0(run)) }, random: chance.next(), at: Moment(milliseconds: 0))
            let first = tiers.indices.filter { tiers[$0] >= 0 }.min { tiers[$0] < tiers[$1] }
            if let first { counts[offers[first].provider.rawValue, default: 0] += 1 }
        }
        return counts
    }

    /// Whether a count of successes is within five standard deviations of what is expected.
    static func isNear(_ count: Int?, _ share: Double, of runs: Int = 8000) -> Bool {
        abs(Double(count ?? 0) - share * Double(runs)) <= 5 * (Double(runs) * share * (1 - share)).squareRoot()
    }

    @Test func `a split follows its weights, also among what is left of it`() throws {
        let text = #"{"type":"split","shares":[{"to":"a","weight":70},{"to":"b","weight":20},{"to":"c","weight":10}]}"#
        for session: ((Int) -> String)? in [nil, { "session \($0)" }] {
            let counts = try Self.firsts(text, session: session)
            #expect(Self.isNear(counts["a"], 0.7) && Self.isNear(counts["b"], 0.2) && Self.isNear(counts["c"], 0.1))
            let rest = try Self.firsts(text, session: session, without: "a")
            #expect(Self.isNear(rest["b"], 2.0 / 3) && Self.isNear(rest["c"], 1.0 / 3))
        }
        let counts = try Self.firsts(#"{"type":"split","shares":[{"to":"a","weight":1},{"to":"b","weight":0}]}"#)
        #expect(counts == ["a": 8000])
        #expect(try Self.order(#"{"type":"split","shares":[{"to":"b","weight":1},{"to":"c","weight":0}]}"#) == [["b/x"], ["c/x"]])
    }

    @Test func `a changed weight moves no more sessions than it must`() throws {
        func split(_ weight: Int) -> String {
            #"{"type":"split","shares":[{"to":"a","weight":\#(weight)},{"to":"b","weight":50}]}"#
        }
        var moved = 0
        for session in 0..<5000 {
            let before = try Self.order(split(50), session: "s\(session)")[0]
            let after = try Self.order(split(60), session: "s\(session)")[0]
            if before != after {
                moved += 1
                #expect(before == ["b/x"], "only towards the one that became heavier")
            }
        }
        #expect(Self.isNear(moved, 60.0 / 110 - 0.5, of: 5000))
    }

    @Test func `a canary gets its percentage first, and the rest last`() throws {
        for percent in ["0", "0.25", "5", "100"] {
            let counts = try Self.firsts(#"{"type":"canary","to":"c","percent":\#(percent)}"#)
            #expect(Self.isNear(counts["c"], (Double(percent) ?? 0) / 100))
        }
        // A larger percentage keeps the sessions that were in the smaller one.
        for session in 0..<500 {
            let small = try Self.order(#"{"type":"canary","to":"c","percent":5}"#, session: "s\(session)")[0]
            let large = try Self.order(#"{"type":"canary","to":"c","percent":20}"#, session: "s\(session)")[0]
            if small == ["c/x"] { #expect(large == ["c/x"]) }
        }
    }

    @Test func `sessions stay where they are, and spread evenly`() throws {
        let places = (0..<20).map { Self.offer("p\($0)/x", region: "r\($0 % 3)") }
        func place(_ session: Int, without: Int? = nil) throws -> Int? {
            let kept: [Int32] = places.indices.map { $0 == without ? -1 : 0 }
            let tiers = try Self.tiers(#"{"type":"sticky"}"#, places, kept: kept, session: "session-\(session)", random: UInt64(session))
            #expect(tiers.count { $0 == 0 } == 1)
            return tiers.firstIndex(of: 0)
        }
        var counts = places.map { _ in 0 }
        for session in 0..<4000 {
            let home = try #require(try place(session))
            counts[home] += 1
            let other = try place(session, without: 7)
            if home != 7 { #expect(other == home, "only the sessions of what is gone move") }
        }
        #expect(counts.allSatisfy { Self.isNear($0, 0.05, of: 4000) })
        let without = try Self.order(#"{"type":"sticky"}"#, session: nil)
        #expect(without == [Self.offers.map(\.id)])
    }

    @Test func `a session sticks to as much as the rule says, within the tiers of the rule before`() throws {
        let byProvider = try (0..<50).map { try Self.order(#"{"type":"sticky","by":"provider"}"#, session: "\($0)")[0] }
        #expect(byProvider.contains(["a/small", "a/large"]))
        let byOffer = try (0..<50).map { try Self.order(#"{"type":"sticky","by":"offer"}"#, session: "\($0)")[0] }
        #expect(byOffer.allSatisfy { $0.count == 1 } && Set(byOffer).count == 4)
        let text = #"{"type":"all","rules":[{"type":"regions","order":["eu"]},{"type":"sticky"}]}"#
        let firsts = try (0..<50).map { try Self.order(text, session: "\($0)")[0] }
        #expect(Set(firsts) == [["a/small"], ["b/x"]])
    }

    @Test(
        "a schedule's hours",
        arguments: [
            // 2024-03-04 was a Monday.
            ("2024-03-04T08:59:59Z", "otherwise"), ("2024-03-04T09:00:00Z", "day"), ("2024-03-04T16:59:59Z", "day"),
            ("2024-03-04T17:00:00Z", "otherwise"), ("2024-03-09T12:00:00Z", "otherwise"), ("2024-03-08T21:00:00Z", "otherwise"),
            ("2024-03-08T22:00:00Z", "night"), ("2024-03-09T05:59:00Z", "night"), ("2024-03-09T06:00:00Z", "otherwise"),
            ("2024-03-09T22:30:00Z", "otherwise"), ("2024-03-10T22:30:00Z", "otherwise"), ("2024-03-11T02:00:00Z", "otherwise"),
        ]) func schedule(time: String, expected: String) throws
    {
        // Two hours ahead of UTC, the times below are given in local time.
        let text = #"""
            {"type":"schedule","utcOffset":"+02:00","windows":[
              {"days":["mon","tue","wed","thu","fri"],"from":"09:00","to":"17:00","rule":{"type":"pinned","to":"day"}},
              {"days":["fri"],"from":"22:00","to":"06:00","rule":{"type":"pinned","to":"night"}}],
             "otherwise":{"type":"pinned","to":"otherwise"}}
            """#
        let offers = ["day/x", "night/x", "otherwise/x"].map { Self.offer($0) }
        let local = try #require(Self.moment(time))
        let tiers = try Self.tiers(text, offers, at: local + .seconds(-7200))
        #expect(offers.indices.filter { tiers[$0] == 0 }.map { offers[$0].provider.rawValue } == [expected])
    }

    /// Of a time like `2024-03-04T08:59:59Z`.
    static func moment(_ text: String) -> Moment? {
        let numbers = text.split { !$0.isNumber }.compactMap { Int($0) }
        guard numbers.count == 6, numbers[0] == 2024, numbers[1] == 3 else { return nil }
        // 2024-03-01 was day 19783 since 1970.
        let day = 19_782 + numbers[2]
        return Moment(milliseconds: Int64(((day * 24 + numbers[3]) * 60 + numbers[4]) * 60 + numbers[5]) * 1000)
    }

    @Test func `a window without an end lasts all day, and one that ends when it begins for a day`() throws {
        for window in [#""days":["mon"]"#, #""days":["mon"],"from":"00:00","to":"00:00""#] {
            let text = #"{"type":"schedule","windows":[{\#(window),"rule":{"type":"pinned","to":"c"}}]}"#
            for hour in 0..<24 {
                let monday = try #require(Self.moment("2024-03-04T00:30:00Z"))
                #expect(try Self.order(text, at: monday + .seconds(3600 * hour)) == [["c/x"]])
                #expect(try Self.order(text, at: monday + .seconds(3600 * (hour + 24))) == [Self.offers.map(\.id)])
                #expect(try Self.order(text, at: monday + .seconds(3600 * (hour - 24))) == [Self.offers.map(\.id)])
            }
        }
    }

    @Test func `times before 1970 are times as well`() throws {
        let text = #"{"type":"schedule","windows":[{"days":["wed"],"from":"23:59","rule":{"type":"pinned","to":"c"}}]}"#
        #expect(try Self.order(text, at: Moment(milliseconds: -1)) == [["c/x"]])
        #expect(try Self.order(text, at: Moment(milliseconds: -60_001)) == [Self.offers.map(\.id)])
    }

    /// A random rule over the offers above.
    static func random(_ chance: inout SeededGenerator, depth: Int = 0) -> RoutingRule {
        func targets() -> [RoutingRule.Target] {
            (0..<Int.random(in: 1...3, using: &chance)).map { _ in
                [
                    .init(provider: "a"), .init(provider: "b"), .init(region: "eu"), .init(offer: "c/x"), .init(account: "second"),
                    .init(provider: "a", region: "us"),
                ].randomElement(using: &chance)!
            }
        }
        let kind = Int.random(in: 0..<(depth < 4 ? 9 : 7), using: &chance)
        let others = Bool.random(using: &chance)
        switch kind {
        case 0: return .pinned(targets()[0])
        case 1: return .fallback(targets(), others: others)
        case 2: return .split(targets().map { .init($0, weight: Int.random(in: 1...9, using: &chance)) }, others: others)
        case 3: return .canary(targets()[0], basisPoints: Int.random(in: 0...10_000, using: &chance))
        case 4: return .sticky(by: RoutingRule.Place.allCases.randomElement(using: &chance)!)
        case 5: return .regions(["us", "eu"].shuffled(using: &chance), others: others)
        case 6: return .excluded(targets())
        case 7:
            let window = RoutingRule.Window(
                days: Set(RoutingRule.Weekday.allCases.filter { _ in Bool.random(using: &chance) } + [.mon]),
                from: Int.random(in: 0..<1440, using: &chance), to: Int.random(in: 0...1440, using: &chance),
                rule: random(&chance, depth: depth + 1))
            return .schedule(
                [window], offset: Int.random(in: -840...840, using: &chance),
                otherwise: Bool.random(using: &chance) ? random(&chance, depth: depth + 1) : nil)
        default: return .all((0..<Int.random(in: 1...12, using: &chance)).map { _ in random(&chance, depth: depth + 1) })
        }
    }

    @Test(arguments: 0..<200) func `any rule is applied the same way each time, drops what it gives a reason for, and survives JSON`(
        seed: Int
    ) throws {
        var chance = SeededGenerator(seed: UInt64(seed))
        let rule = Self.random(&chance)
        #expect(try RoutingRule(json: JSONValue(parsing: rule.json.encodedBytes)) == rule)
        let plan = RulePlan(rule, for: Self.offers)
        for _ in 0..<20 {
            let kept: [Int32] = Self.offers.map { _ in chance.next() % 4 == 0 ? RulePlan.dropped : 0 }
            let session: UInt64? = Bool.random(using: &chance) ? chance.next() : nil
            let random = chance.next()
            let now = Moment(milliseconds: Int64.random(in: 0...2_000_000_000_000, using: &chance))
            var (tiers, again) = (kept, kept)
            plan.apply(to: &tiers, session: session, random: random, at: now)
            plan.apply(to: &again, session: session, random: random, at: now)
            #expect(tiers == again)
            for index in kept.indices {
                let isDropped = plan.reason(against: Self.offers[index], at: now) != nil
                #expect((tiers[index] == RulePlan.dropped) == (kept[index] == RulePlan.dropped || isDropped))
            }
        }
    }
}
