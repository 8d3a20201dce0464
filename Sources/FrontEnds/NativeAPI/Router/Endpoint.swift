import HTTPTypes

/// Every place of this API and what can be done there: the one table for routing, for `405` and for metrics' labels.
enum Endpoint: String, CaseIterable, Sendable {
    case runs = "/v1/runs"
    case run = "/v1/runs/{id}"
    case runEvents = "/v1/runs/{id}/events"
    case runLogs = "/v1/runs/{id}/logs"
    case decisions = "/v1/decisions"
    case providers = "/v1/providers"
    case health = "/healthz"
    case readiness = "/readyz"
    case metrics = "/metrics"

    /// The methods that it has, `HEAD` not counted: it goes wherever `GET` goes.
    var methods: [HTTPRequest.Method] {
        switch self {
        case .runs: [.get, .post]
        case .run: [.get, .delete]
        case .decisions: [.post]
        case .runEvents, .runLogs, .providers, .health, .readiness, .metrics: [.get]
        }
    }

    /// The value of `Allow`.
    var allow: String {
        methods.flatMap { $0 == .get ? ["GET", "HEAD"] : [$0.rawValue] }.joined(separator: ", ")
    }

    /// The place that `path` leads to, whatever the method.
    init?(path: String) {
        let components = Endpoint.components(of: path)
        let match = Endpoint.allCases.first { endpoint in
            let template = Endpoint.components(of: endpoint.rawValue)
            return template.count == components.count && zip(template, components).allSatisfy { $0 == "{id}" || $0 == $1 }
        }
        guard let match else { return nil }
        self = match
    }

    /// Whether `path` is one for callers with a key, known or not. Cuts the path as the router does, so that no spelling slips past.
    static func needsCaller(_ path: String) -> Bool { components(of: path).first == "v1" }

    private static func components(of path: String) -> [Substring] { path.split(separator: "/") }
}
