import Foundation
import SandstormCore
import SandstormRouting
import SandstormTestSupport
import Testing

@testable import SandstormEngine

@Suite("Settings of routing") struct RoutingSettingsTests {
    private func problems(_ text: String) throws -> [String] {
        let json = try JSONValue(parsing: text)
        do throws(InvalidRequest) {
            _ = try RoutingSettings(json: json, at: "/routing")
            return []
        } catch {
            return error.problems.map { "\($0.pointer) \($0.detail); \($0.remedy)" }
        }
    }

    @Test func `an empty section means the defaults`() throws {
        #expect(try RoutingSettings(json: [:], at: "") == RoutingSettings())
        // What is said here is what the router does by itself.
        let (mine, standard) = (RoutingSettings().router, RoutingConfiguration())
        #expect(mine.breaker == standard.breaker)
        #expect(mine.retriesPercent == standard.retriesPercent && mine.hedgesPerMille == standard.hedgesPerMille)
    }

    @Test func `all that can be said is taken`() throws {
        let project = ProjectID.generate()
        let json = try JSONValue(
            parsing: """
                {"default": {"type": "fallback", "order": ["a", "b"]}, "projects": {"\(project)": {"type": "pinned", "to": "a"}},
                 "hedging": false, "budgets": {"retryPercent": 5, "hedgesPerMille": 30, "explorationsPerMille": 4},
                 "breaker": {"failurePercent": 20, "slowPercent": 30, "minimumCalls": 4, "consecutiveFailures": 2, "openTime": 1000,
                             "longestOpenTime": 2000},
                 "queue": {"runs": 10, "patience": 500}}
                """)
        let settings = try RoutingSettings(json: json, at: "")
        #expect(settings.rule(for: nil) == .fallback([.init(provider: "a"), .init(provider: "b")], others: false))
        #expect(settings.rule(for: project) == .pinned(.init(provider: "a")))
        #expect(!settings.hedging && settings.retryPercent == 5 && settings.hedgesPerMille == 30 && settings.explorationsPerMille == 4)
        #expect(settings.breaker.openTime == .seconds(1) && settings.breaker.longestOpenTime == .seconds(2))
        #expect(settings.breaker.failurePercent == 20 && settings.breaker.slowPercent == 30)
        #expect(settings.breaker.minimumCalls == 4 && settings.breaker.consecutiveFailures == 2)
        #expect(settings.queue.runs == 10 && settings.queue.patience == .milliseconds(500))
    }

    @Test func `every problem is told at once, each with its place and a remedy`() throws {
        let told = try problems(
            """
            {"hedgin": true, "budgets": {"retryPercent": 101}, "breaker": {"openTime": 5000, "longestOpenTime": 10},
             "projects": {"shop": {"type": "pinned", "to": "a"}}, "default": {"type": "pined"}}
            """)
        #expect(told.contains("/routing/hedgin is not a known field; did you mean \"hedging\"?"))
        #expect(told.contains { $0.hasPrefix("/routing/budgets/retryPercent is not a whole number in range") })
        #expect(told.contains("/routing/breaker/longestOpenTime is shorter than openTime; send at least 5000"))
        #expect(told.contains { $0.hasPrefix("/routing/projects/shop is not a project's id") })
        #expect(told.contains { $0.hasPrefix("/routing/default/type is not a kind of rule") })
        #expect(told.count == 5)
    }

    @Test func `the example is read, is the one in the guide, and its numbers are the defaults`() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let text = try String(contentsOf: root.appending(path: "examples/routing.json"), encoding: .utf8)
        let section = try #require(try JSONValue(parsing: text)["routing"])
        var settings = try RoutingSettings(json: section, at: "/routing")
        #expect(settings.rule == .fallback([.init(provider: "local")], others: true))
        #expect(settings.projects.count == 1)
        settings.rule = nil
        settings.projects = [:]
        #expect(settings == RoutingSettings())
        let guide = try String(contentsOf: root.appending(path: "docs/routing.md"), encoding: .utf8)
        #expect(guide.contains("```json\n" + text + "```\n"))
    }

    @Test func `a project's rule stands, until a run brings its own`() async throws {
        let providers = [
            ScriptedProvider(id: "a", price: PriceSchedule(perCreate: "$2")),
            ScriptedProvider(id: "b", price: PriceSchedule(perCreate: "$1")),
        ]
        var configuration = TestGateway.quick
        configuration.routing.projects = [Principal.local.project: .pinned(.init(provider: "a"))]
        let gateway = try await TestGateway(providers, configuration: configuration)
        #expect(try await gateway.run(.scripted()).provider == "a")
        #expect(gateway.metric("sandstorm_routing_offers_total{filter=\"kept\"}") == 1)
        #expect(gateway.metric("sandstorm_routing_offers_total{filter=\"rule\"}") == 1)
        var other = RunRequest.scripted()
        other.constraints.routing = .pinned(.init(provider: "b"))
        #expect(try await gateway.run(other).provider == "b")
        let decision = try await gateway.engine.decide(.scripted(), by: .local)
        #expect(decision.ranking.map(\.offer.provider) == ["a"])
        #expect(decision.candidates.last?.reason == "the routing rule allows only a")
        #expect(decision.rule == #"{"type":"pinned","to":"a"}"#)
        await gateway.stop()
    }
}
