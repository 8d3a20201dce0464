import HTTPTypes
import SandstormCore
import SandstormServer

extension Operation {
    /// A port takes every method; these are those that OpenAPI has words for.
    static let ofPorts: [Operation] = methods.flatMap { method, name in
        [
            port(.portPath, method, "\(name)PortPath", "Everything after the port is its server's own: the path, the query, the body."),
            port(.port, method, "\(name)Port", "`GET` and `HEAD` are sent on to the same place with a slash behind it."),
        ]
    }

    private static let methods: [(HTTPRequest.Method, String)] = [
        (.get, "get"), (.post, "post"), (.put, "put"), (.patch, "patch"), (.delete, "delete"), (.options, "options"), (.trace, "trace"),
    ]

    private static func port(_ endpoint: Endpoint, _ method: HTTPRequest.Method, _ id: String, _ description: String) -> Operation {
        Operation(
            endpoint: endpoint, method: method, id: id, tag: .ports, summary: "Passes a request on to a server in the sandbox.",
            description: "\(description) WebSockets too.", body: [.post, .put, .patch].contains(method) ? .bytes("*/*") : nil,
            answers: [Answer(status: nil, description: "Whatever the server answers.")],
            problems: Problem.Kind.ofLivingSandboxes + [.portUnreachable, .portTimedOut])
    }
}
