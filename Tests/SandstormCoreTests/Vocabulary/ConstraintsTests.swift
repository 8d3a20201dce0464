import SandstormCore
import Testing

@Suite("Constraints") struct ConstraintsTests {
    static func problems(_ text: String) throws -> [FieldProblem] {
        let json = try JSONValue(parsing: text)
        do throws(InvalidRequest) {
            _ = try Constraints(json: json, at: "/constraints")
            return []
        } catch {
            return error.problems
        }
    }

    @Test func `defaults are left out, everything else comes back`() throws {
        #expect(Constraints().json == [:])
        for constraints in [
            Constraints(), Constraints(weights: Constraints.Weights(cost: 30, latency: 70)), Constraints(explore: false),
            Constraints(
                objective: .cheapest, routing: .fallback([.init(provider: "e2b"), .init(offer: "local/standard")], others: true),
                sessionKey: "user-7 é"),
        ] {
            #expect(try Constraints(json: JSONValue(parsing: constraints.json.encodedBytes)) == constraints)
        }
    }

    @Test(
        "each problem names its field",
        arguments: [
            (#""weights":{"cost":101,"latency":1}"#, ["/weights/cost"]), (#""weights":{"cost":0,"latency":0}"#, ["/weights"]),
            (#""weights":{}"#, ["/weights"]), (#""weights":{"price":1}"#, ["/weights/price"]), (#""weights":"cheap""#, ["/weights"]),
            (#""weights":{"cost":1},"objective":"fastest""#, ["/weights"]), (#""sessionKey":"""#, ["/sessionKey"]),
            (#""sessionKey":7"#, ["/sessionKey"]), (#""explore":"no""#, ["/explore"]), (#""routing":"e2b""#, ["/routing"]),
            (#""routing":{}"#, ["/routing/type"]), (#""routing":{"type":7}"#, ["/routing/type"]),
            (#""routing":{"type":"random","to":"x"}"#, ["/routing/type"]), (#""routing":{"type":"pinned"}"#, ["/routing/to"]),
            (#""routing":{"type":"pinned","to":{}}"#, ["/routing/to"]), (#""routing":{"type":"pinned","to":""}"#, ["/routing/to"]),
            (#""routing":{"type":"pinned","to":{"provider":null}}"#, ["/routing/to"]),
            (#""routing":{"type":"pinned","to":{"vendor":"x"}}"#, ["/routing/to/vendor"]),
            (#""routing":{"type":"pinned","to":{"region":""}}"#, ["/routing/to/region"]),
            (#""routing":{"type":"pinned","to":"x","others":true}"#, ["/routing/others"]),
            (#""routing":{"type":"fallback","order":[]}"#, ["/routing/order"]),
            (#""routing":{"type":"fallback","order":["a",7],"others":1}"#, ["/routing/others", "/routing/order/1"]),
            (#""routing":{"type":"split","shares":[{"to":"a","weight":0}]}"#, ["/routing/shares"]),
            (
                #""routing":{"type":"split","shares":[{"to":"a"},{"weight":-1}]}"#,
                ["/routing/shares/0/weight", "/routing/shares/1/to", "/routing/shares/1/weight"]
            ),
            (#""routing":{"type":"canary","to":"a","percent":101}"#, ["/routing/percent"]),
            (#""routing":{"type":"canary","to":"a","percent":0.125}"#, ["/routing/percent"]),
            (#""routing":{"type":"canary","to":"a","percent":-0}"#, ["/routing/percent"]),
            (#""routing":{"type":"canary","to":"a","percent":100.5}"#, ["/routing/percent"]),
            (#""routing":{"type":"canary","to":"a","percent":"5"}"#, ["/routing/percent"]),
            (#""routing":{"type":"sticky","by":"luck"}"#, ["/routing/by"]),
            (#""routing":{"type":"regions","order":["eu",""]}"#, ["/routing/order/1"]),
            (#""routing":{"type":"schedule","windows":[]}"#, ["/routing/windows"]),
            (
                #""routing":{"type":"schedule","utcOffset":"+15:00","windows":[{"days":["monday"],"from":"24:00","to":"7:00"}]}"#,
                [
                    "/routing/utcOffset", "/routing/windows/0/days/0", "/routing/windows/0/from", "/routing/windows/0/to",
                    "/routing/windows/0/rule",
                ]
            ),
            (
                #""routing":{"type":"schedule","windows":[{"days":[],"rule":{"type":"sticky"}}],"otherwise":{"type":"pin"}}"#,
                ["/routing/otherwise/type", "/routing/windows/0/days"]
            ),
            (
                #""routing":{"type":"all","rules":[{"type":"sticky"},{"type":"pinned","too":"a"}]}"#,
                ["/routing/rules/1/to", "/routing/rules/1/too"]
            ),
        ]) func places(members: String, pointers: [String]) throws
    {
        #expect(try Self.problems("{\(members)}").map(\.pointer) == pointers.map { "/constraints" + $0 })
    }

    @Test func `rules nest only so deep`() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: #"{"type":"all","rules":["#, count: depth - 1) + #"{"type":"sticky"}"#
                + String(repeating: "]}", count: depth - 1)
        }
        #expect(try Self.problems(#"{"routing":\#(nested(8))}"#).isEmpty)
        #expect(try Self.problems(#"{"routing":\#(nested(9))}"#).map(\.detail) == ["is nested too deep"])
        let long = (0...RoutingRule.longestList).map { "\"p\($0)\"" }.joined(separator: ",")
        #expect(try Self.problems(#"{"routing":{"type":"fallback","order":[\#(long)]}}"#).map(\.pointer) == ["/constraints/routing/order"])
    }

    @Test(
        "percentages, times and targets keep their form",
        arguments: [
            #"{"type":"canary","to":"a","percent":0.05}"#, #"{"type":"canary","to":"a","percent":12.5}"#,
            #"{"type":"canary","to":{"provider":"a","region":"eu"},"percent":100}"#,
            #"{"type":"pinned","to":{"offer":"no-slash"}}"#, #"{"type":"pinned","to":{"provider":"with/slash"}}"#,
            #"{"type":"schedule","windows":[{"days":["sat","sun"],"from":"23:05","to":"00:00","rule":{"type":"sticky","by":"account"}}],"utcOffset":"-03:30"}"#,
        ]) func forms(text: String) throws
    {
        let json = try JSONValue(parsing: text)
        let rule = try RoutingRule(json: json)
        #expect(try RoutingRule(json: rule.json) == rule)
        #expect(rule.json == json)
    }
}
