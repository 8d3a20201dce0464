package import SandstormCore

/// The routing rules that an operator set: for single projects, and for all others.
package struct ProjectRules: Hashable, Sendable {
    /// For projects without a rule of their own; `nil` for none.
    package var standard: RoutingRule?
    /// By the project's id.
    package var projects: [String: RoutingRule]

    package init(standard: RoutingRule? = nil, projects: [String: RoutingRule] = [:]) {
        self.standard = standard
        self.projects = projects
    }

    /// What applies to a run: its own rule, else its project's, else that for all.
    package func rule(for request: RoutingRequest) -> RoutingRule? {
        request.constraints.routing ?? projects[request.project] ?? standard
    }

    /// Reads rules in the form `{"default": rule, "projects": {"prj_…": rule}}`, in which both may be left out.
    ///
    /// - Throws: ``InvalidRequest`` with every problem.
    package init(json: JSONValue, at pointer: String = "") throws(InvalidRequest) {
        var reader = JSONReader(json, at: pointer)
        let standard = reader.value("default")
        self.standard = standard.flatMap { reader.rule($0, at: "\(pointer)/default") }
        projects = [:]
        if let value = reader.value("projects") {
            if value.objectValue == nil { reader.report("projects", "must be an object", remedy: "send {\"prj_…\": {…}}") }
            for member in value.objectValue?.members ?? [] {
                projects[member.key] = reader.rule(member.value, at: "\(pointer)/projects/\(JSONReader.escape(member.key))")
            }
        }
        let problems = reader.finish()
        guard problems.isEmpty else { throw InvalidRequest(problems: problems) }
    }

    package var json: JSONValue {
        var object = JSONObject()
        object["default"] = standard?.json
        if !projects.isEmpty {
            var rules = JSONObject()
            for (project, rule) in projects.sorted(by: { $0.key < $1.key }) { rules[project] = rule.json }
            object["projects"] = .object(rules)
        }
        return .object(object)
    }
}

extension JSONReader {
    fileprivate mutating func rule(_ json: JSONValue, at pointer: String) -> RoutingRule? {
        do throws(InvalidRequest) {
            return try RoutingRule(json: json, at: pointer)
        } catch {
            merge(error.problems)
            return nil
        }
    }
}
