import HTTPTypes

/// Every place of this API and what can be done there: the one table for routing, for `405` and for metrics' labels.
enum Endpoint: String, CaseIterable, Sendable {
    case runs = "/v1/runs"
    case run = "/v1/runs/{id}"
    case runEvents = "/v1/runs/{id}/events"
    case runLogs = "/v1/runs/{id}/logs"
    case decisions = "/v1/decisions"
    case providers = "/v1/providers"
    case prices = "/v1/prices"
    case sandboxes = "/v1/sandboxes"
    case sandbox = "/v1/sandboxes/{id}"
    case sandboxPause = "/v1/sandboxes/{id}/pause"
    case sandboxResume = "/v1/sandboxes/{id}/resume"
    case sandboxFork = "/v1/sandboxes/{id}/fork"
    case sandboxUsage = "/v1/sandboxes/{id}/usage"
    case sandboxSnapshots = "/v1/sandboxes/{id}/snapshots"
    case processes = "/v1/sandboxes/{id}/processes"
    case processesSocket = "/v1/sandboxes/{id}/processes/socket"
    case process = "/v1/sandboxes/{id}/processes/{process}"
    case processEvents = "/v1/sandboxes/{id}/processes/{process}/events"
    case processInput = "/v1/sandboxes/{id}/processes/{process}/stdin"
    case processSignal = "/v1/sandboxes/{id}/processes/{process}/signal"
    case processSize = "/v1/sandboxes/{id}/processes/{process}/resize"
    case processSocket = "/v1/sandboxes/{id}/processes/{process}/socket"
    case files = "/v1/sandboxes/{id}/files"
    case fileInfo = "/v1/sandboxes/{id}/files/info"
    case fileList = "/v1/sandboxes/{id}/files/list"
    case directories = "/v1/sandboxes/{id}/files/directories"
    case fileMove = "/v1/sandboxes/{id}/files/move"
    case fileWatch = "/v1/sandboxes/{id}/files/watch"
    case archive = "/v1/sandboxes/{id}/files/archive"
    case port = "/v1/sandboxes/{id}/ports/{port}"
    /// Everything below the port is its server's own.
    case portPath = "/v1/sandboxes/{id}/ports/{port}/**"
    case snapshots = "/v1/snapshots"
    case snapshot = "/v1/snapshots/{id}"
    case health = "/healthz"
    case readiness = "/readyz"
    case metrics = "/metrics"
    case openAPI = "/openapi.json"

    /// The methods that it has, `HEAD` not counted: it goes wherever `GET` goes.
    var methods: [HTTPRequest.Method] {
        switch self {
        case .runs, .sandboxes, .processes: [.get, .post]
        case .run, .process, .snapshot: [.get, .delete]
        case .sandbox: [.get, .patch, .delete]
        case .files: [.get, .put, .delete]
        case .fileInfo: [.get, .patch]
        case .archive: [.get, .put]
        case .port, .portPath: Endpoint.anyMethods
        case .decisions, .sandboxPause, .sandboxResume, .sandboxFork, .sandboxSnapshots, .processInput, .processSignal, .processSize,
            .directories, .fileMove:
            [.post]
        case .runEvents, .runLogs, .providers, .prices, .sandboxUsage, .processEvents, .processSocket, .processesSocket, .fileList,
            .fileWatch, .snapshots, .health, .readiness, .metrics, .openAPI:
            [.get]
        }
    }

    /// Its bodies pass through as they come, however long they are; all others are read at once, up to a limit.
    var streamsBody: Bool {
        switch self {
        case .files, .archive, .processInput, .port, .portPath: true
        default: false
        }
    }

    /// All methods that NIO's parser knows, but for `HEAD`, which is `GET`'s, and `CONNECT`, which asks for a tunnel.
    private static let anyMethods: [HTTPRequest.Method] =
        [.get, .post, .put, .patch, .delete, .options, .trace]
        + [
            "ACL", "BIND", "CHECKOUT", "COPY", "LINK", "LOCK", "M-SEARCH", "MERGE", "MKACTIVITY", "MKCALENDAR", "MKCOL", "MOVE", "NOTIFY",
            "PROPFIND", "PROPPATCH", "PURGE", "REBIND", "REPORT", "SEARCH", "SOURCE", "SUBSCRIBE", "UNBIND", "UNLINK", "UNLOCK",
            "UNSUBSCRIBE",
        ].compactMap { HTTPRequest.Method($0) }

    /// It leads to a port of a sandbox, whose pages are of no origin that a browser would call the same.
    var isPort: Bool { self == .port || self == .portPath }

    /// The value of `Allow`.
    var allow: String {
        methods.flatMap { $0 == .get ? ["GET", "HEAD"] : [$0.rawValue] }.joined(separator: ", ")
    }

    /// The place that `path` leads to, whatever the method.
    init?(path: String) {
        let components = Endpoint.components(of: path)
        let match = Endpoint.allCases.first { endpoint in
            let template = Endpoint.components(of: endpoint.rawValue)
            let isOpen = template.last == "**"
            guard isOpen ? components.count >= template.count : components.count == template.count else { return false }
            return zip(template, components).allSatisfy { $0.hasPrefix("{") || $0 == "**" || $0 == $1 }
        }
        guard let match else { return nil }
        self = match
    }

    /// The place that a request's head leads to.
    init?(of head: HTTPRequest) { self.init(path: String((head.path ?? "").prefix { $0 != "?" })) }

    /// Whether `path` is one for callers with a key, known or not. Cuts the path as the router does, so that no spelling slips past.
    static func needsCaller(_ path: String) -> Bool { components(of: path).first == "v1" }

    private static func components(of path: String) -> [Substring] { path.split(separator: "/") }
}
