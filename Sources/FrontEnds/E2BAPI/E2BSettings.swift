package import SandstormCore

/// What an operator may set of this front end.
package struct E2BSettings: Sendable {
    /// The domain whose names lead here: `api.‹domain›`, `‹port›-‹sandbox id›.‹domain›`, `sandbox.‹domain›`. Without a port.
    package var domain: String?

    /// Reached below `/e2b` only.
    package init(domain: String? = nil) { self.domain = domain }
}

extension E2BSettings {
    /// Reads the section `e2b` of a configuration: `{"domain": "sandstorm.localhost"}`.
    ///
    /// - Throws: ``InvalidRequest`` with all that is wrong with it.
    package init(json: JSONValue, at pointer: String) throws(InvalidRequest) {
        var reader = JSONReader(json, at: pointer)
        let domain = reader.read("domain", "is no domain", remedy: "send a name without a port, such as sandboxes.example.com") { value in
            value.stringValue.flatMap { name in
                !name.isEmpty && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == ".") } ? name : nil
            }
        }
        let problems = reader.finish()
        guard problems.isEmpty else { throw InvalidRequest(problems: problems) }
        self.init(domain: domain)
    }
}
