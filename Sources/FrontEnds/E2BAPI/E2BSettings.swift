package import SandstormCore

/// What an operator may set of this front end.
package struct E2BSettings: Sendable {
    /// The domain whose names lead here: `api.‹domain›`, `‹port›-‹sandbox id›.‹domain›`, `sandbox.‹domain›`. Without a port.
    package var domain: String?
    /// The templates that every tenant has, by name.
    package var templates = E2BTemplateSettings.standard
    /// Where files are put that templates are to be made of; without one, none can be sent.
    package var uploadDirectory: String?

    /// Reached below `/e2b` only.
    package init(domain: String? = nil) { self.domain = domain }
}

extension E2BSettings {
    /// Reads the section `e2b` of a configuration: `{"domain": "sandstorm.localhost", "templates": {"node": {"image": "node:24"}}}`.
    ///
    /// - Throws: ``InvalidRequest`` with all that is wrong with it.
    package init(json: JSONValue, at pointer: String) throws(InvalidRequest) {
        var reader = JSONReader(json, at: pointer)
        let domain = reader.read("domain", "is no domain", remedy: "send a name without a port, such as sandboxes.example.com") { value in
            value.stringValue.flatMap { name in
                !name.isEmpty && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == ".") } ? name : nil
            }
        }
        var templates = E2BTemplateSettings.standard
        if let section = reader.value("templates") {
            if section.objectValue == nil { reader.report("templates", "must be an object", remedy: "send {\"‹name›\": {…}}") }
            for member in section.objectValue?.members ?? [] {
                let place = "\(pointer)/templates/\(JSONReader.escape(member.key))"
                if !TemplateName.isValid(member.key) {
                    reader.report(at: place, "is no name", remedy: "use letters, digits, -, _ and .")
                }
                do throws(InvalidRequest) { templates[member.key] = try E2BTemplateSettings(json: member.value, at: place) } catch {
                    reader.merge(error.problems)
                }
            }
        }
        let problems = reader.finish()
        guard problems.isEmpty else { throw InvalidRequest(problems: problems) }
        self.init(domain: domain)
        self.templates = templates
    }
}
