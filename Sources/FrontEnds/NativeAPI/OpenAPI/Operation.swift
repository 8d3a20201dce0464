import HTTPTypes
import SandstormCore
import SandstormServer

/// What one method does at one place.
struct Operation: Sendable {
    let endpoint: Endpoint
    let method: HTTPRequest.Method
    /// What code generators call it.
    let id: String
    let tag: Tag
    let summary: String
    var description: String?
    var parameters: [Parameter] = []
    var body: Body?
    /// The answers that are no problems.
    let answers: [Answer]
    /// Problems beside those that follow from what it takes.
    var problems: [Problem.Kind] = []

    /// The groups of operations.
    enum Tag: String, CaseIterable, Sendable {
        case runs = "Runs"
        case sandboxes = "Sandboxes"
        case processes = "Processes"
        case files = "Files"
        case ports = "Ports"
        case snapshots = "Snapshots"
        case places = "Places and prices"
        case gateway = "The gateway"

        var description: String {
            switch self {
            case .runs: "Code that is run once, in a sandbox that ends with it."
            case .sandboxes: "Living sandboxes, from their making to their end."
            case .processes: "Commands in living sandboxes."
            case .files: "Files in living sandboxes. Paths are absolute, or relative to /workspace."
            case .ports: "Servers in living sandboxes."
            case .snapshots: "Kept copies of sandboxes, from which others start."
            case .places: "Where things can run, and what that costs."
            case .gateway: "For probes, Prometheus and code generators. No key is needed."
            }
        }
    }

    /// What a request's body may be.
    enum Body: Sendable {
        /// JSON, without which the request is refused.
        case json(Schema)
        /// JSON that may be left out.
        case optionalJSON(Schema)
        /// Bytes that pass through as they come, of this media type.
        case bytes(String)
    }

    /// No key is needed.
    var isOpen: Bool { !Endpoint.needsCaller(endpoint.rawValue) }

    var json: JSONValue {
        var object: JSONObject = ["operationId": .string(id), "tags": [.string(tag.rawValue)], "summary": .string(summary)]
        object["description"] = description.map(JSONValue.string)
        let parameters = endpoint.pathParameters + parameters
        if !parameters.isEmpty { object["parameters"] = .array(parameters.map(\.json)) }
        object["requestBody"] = body?.json
        var responses = JSONObject()
        for answer in answers { responses[answer.status.map { String($0) } ?? "default"] = answer.json }
        for (status, kinds) in problemsByStatus { responses[String(status)] = Operation.json(of: kinds) }
        object["responses"] = .object(responses)
        if isOpen { object["security"] = [] }
        return .object(object)
    }

    // MARK: Problems

    /// Every problem that it may answer with.
    var allProblems: [Problem.Kind] {
        var kinds: [Problem.Kind] = [.malformedHTTP, .headersTooLarge, .internal]
        if !isOpen { kinds += [.invalidParameter, .unauthenticated, .forbiddenOrigin, .storeUnavailable] }
        if parameters.contains(where: { $0.place == "header" }) { kinds.append(.invalidHeader) }
        switch body {
        case .json, .optionalJSON: kinds += [.malformedJSON, .bodyTooLarge, .unsupportedEncoding, .invalidRequest, .requestTimeout]
        case .bytes: kinds += [.unsupportedEncoding, .shuttingDown]
        case nil: break
        }
        if !endpoint.pathParameters.isEmpty { kinds.append(.notFound) }
        return kinds + problems
    }

    private var problemsByStatus: [(Int, [Problem.Kind])] {
        let kinds = Set(allProblems)
        let sorted = Problem.Kind.allCases.filter(kinds.contains)
        return Set(sorted.map(\.status.code)).sorted().map { status in (status, sorted.filter { $0.status.code == status }) }
    }

    private static func json(of kinds: [Problem.Kind]) -> JSONValue {
        var response: JSONObject = [
            "description": .string(kinds.map { "`\($0.name)`: \($0.title)." }.joined(separator: " ")),
            "content": ["application/problem+json": ["schema": Schema.reference("Problem").json]],
        ]
        var headers: JSONObject = ["X-Request-Id": Answer.requestID]
        for field in kinds.flatMap(\.headers) { headers[field.name.rawName] = ["schema": ["type": "string"]] }
        response["headers"] = .object(headers)
        return .object(response)
    }
}

extension Operation.Body {
    fileprivate var json: JSONValue {
        switch self {
        case .json(let schema):
            ["required": true, "content": ["application/json": ["schema": schema.json]]]
        case .optionalJSON(let schema):
            ["required": false, "content": ["application/json": ["schema": schema.json]]]
        case .bytes(let type):
            ["required": false, "content": .object([type: ["schema": Schema.bytes.json]])]
        }
    }
}

extension Problem.Kind {
    /// What a place may answer when something is asked of a living sandbox.
    static let ofLivingSandboxes: [Problem.Kind] = [
        .invalidRequest, .conflict, .sandboxEnded, .unsupported, .providerFailed, .providerTimedOut, .shuttingDown,
    ]
    /// What may be wrong with a file as well.
    static let ofFiles = ofLivingSandboxes + [.fileNotFound, .fileForbidden, .diskFull]
    /// Why nothing new is begun.
    static let ofAdmission: [Problem.Kind] = [.noOffer, .tooBusy, .idempotencyConflict, .shuttingDown]
}
