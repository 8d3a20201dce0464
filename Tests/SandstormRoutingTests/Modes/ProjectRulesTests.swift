import SandstormCore
import SandstormRouting
import Testing

@Suite("Rules of projects") struct ProjectRulesTests {
    static let text =
        #"{"default":{"type":"sticky"},"projects":{"prj_a":{"type":"pinned","to":"e2b"},"prj/b":{"type":"pinned","to":"local"}}}"#

    @Test func `a run's own rule comes before its project's, and that before the one for all`() throws {
        let rules = try ProjectRules(json: JSONValue(parsing: Self.text))
        #expect(rules.rule(for: RoutingRequest(Constraints(), project: "prj_a")) == .pinned(.init(provider: "e2b")))
        #expect(rules.rule(for: RoutingRequest(Constraints(), project: "prj_c")) == .sticky(by: .account))
        let own = Constraints(routing: .regions(["eu"], others: true))
        #expect(rules.rule(for: RoutingRequest(own, project: "prj_a")) == own.routing)
        #expect(ProjectRules().rule(for: RoutingRequest(Constraints())) == nil)
    }

    @Test func `rules survive JSON`() throws {
        for text in [Self.text, "{}"] {
            let rules = try ProjectRules(json: JSONValue(parsing: text))
            #expect(try ProjectRules(json: rules.json) == rules)
        }
    }

    @Test func `every problem is named`() throws {
        let json = try JSONValue(parsing: #"{"default":{"type":"x"},"projects":{"prj_a":{"type":"pinned"},"prj/b":7},"others":{}}"#)
        let error = try #require(throws: InvalidRequest.self) { _ = try ProjectRules(json: json, at: "/routing") }
        #expect(
            error.problems.map(\.pointer) == [
                "/routing/default/type", "/routing/projects/prj_a/to", "/routing/projects/prj~1b", "/routing/others",
            ])
    }
}
