import SandstormCore
import SandstormWire

/// The tag as it is kept at the vendor: a member of the sandbox's metadata for each of its parts.
enum SandboxMetadata {
    private static let gateway = "sandstorm-gateway"
    private static let run = "sandstorm-run"
    private static let attempt = "sandstorm-attempt"
    private static let sandbox = "sandstorm-sandbox"

    static func json(_ tag: SandboxTag) -> JSONValue {
        [
            gateway: .string(tag.gateway.rawValue), run: .string(tag.run.rawValue), attempt: .string(tag.attempt.rawValue),
            sandbox: .string(tag.sandbox.rawValue),
        ]
    }

    static func tag(_ json: JSONValue?) -> SandboxTag? {
        guard let gateway = json?[gateway]?.stringValue.flatMap({ GatewayID($0) }),
            let run = json?[run]?.stringValue.flatMap({ RunID($0) }),
            let attempt = json?[attempt]?.stringValue.flatMap({ AttemptID($0) }),
            let sandbox = json?[sandbox]?.stringValue.flatMap({ SandboxID($0) })
        else { return nil }
        return SandboxTag(gateway: gateway, run: run, attempt: attempt, sandbox: sandbox)
    }

    /// The value of the query parameter `metadata`, still to be encoded as any other: keys and values are encoded twice before. So the
    /// vendor's own clients do it, and so the server takes it apart.
    static func filter(_ gateway: GatewayID) -> String {
        func twice(_ text: String) -> String { PercentEncoding.component(PercentEncoding.component(text)) }
        return "\(twice(self.gateway))=\(twice(gateway.rawValue))"
    }
}
