import SandstormCore
import SandstormServer

/// Something beside the body that a request carries.
struct Parameter: Sendable {
    let name: String
    /// `path`, `query` or `header`.
    let place: String
    let schema: Schema
    let description: String
    var isRequired = false
    /// Several values, as `a,b` or given several times.
    var isList = false

    static func query(_ name: String, _ schema: Schema, _ description: String, isRequired: Bool = false) -> Parameter {
        Parameter(name: name, place: "query", schema: schema, description: description, isRequired: isRequired)
    }

    static func flag(_ name: String, _ description: String) -> Parameter { query(name, .boolean, description) }

    /// A path inside the sandbox.
    static let path = query("path", .nonEmptyText, "Absolute, or relative to /workspace.", isRequired: true)

    /// Who handles files inside.
    static let user = query("user", .nonEmptyText, "Who does it, by name or number; by default the sandbox's usual user.")

    static func mode(_ standard: String) -> Parameter {
        query("mode", .fileMode, "Permission bits in octal digits; by default \(standard).")
    }

    static let idempotencyKey = Parameter(
        name: "Idempotency-Key", place: "header", schema: .string(pattern: "^[!-~]{1,255}$"),
        description: "The same request with the same key means the same thing for 24 hours, however often it is sent.")

    static let lastEventID = Parameter(
        name: "Last-Event-ID", place: "header", schema: .string(pattern: "^[0-9]{0,15}$"),
        description: "The `id` of the last event that was received: the stream goes on after it. Empty for none.")

    /// Which part of a list.
    static func page(_ prefix: String) -> [Parameter] {
        [
            query("limit", .integer(1...Page<PageKind>.maximum, default: 50), "How many at most."),
            query("before", .identifier(prefix), "The `next` of the page before."),
        ]
    }

    private enum PageKind: IdentifierKind { static let prefix = "page" }

    var json: JSONValue {
        var object: JSONObject = [
            "name": .string(name), "in": .string(place), "description": .string(description), "schema": schema.json,
        ]
        if isRequired { object["required"] = true }
        if isList {
            object["style"] = "form"
            object["explode"] = false
        }
        return .object(object)
    }
}

extension Schema {
    static let fileMode = string(pattern: "^[0-7]{1,4}$")
}

extension Endpoint {
    /// Its path as OpenAPI writes it, which has no way to say that slashes may follow.
    var template: String { rawValue.replacing("**", with: "{path}") }

    /// What stands in its template in braces.
    var pathParameters: [Parameter] {
        template.split(separator: "/").filter { $0.hasPrefix("{") }.map { component in
            let name = String(component.dropFirst().dropLast())
            let (schema, description) = Endpoint.pathParameter(name, in: rawValue)
            return Parameter(name: name, place: "path", schema: schema, description: description, isRequired: true)
        }
    }

    private static func pathParameter(_ name: String, in template: String) -> (Schema, String) {
        switch name {
        case "id":
            if template.hasPrefix(Endpoint.runs.rawValue) { return (.identifier(RunKind.prefix), "A run.") }
            if template.hasPrefix(Endpoint.snapshots.rawValue) { return (.identifier(SnapshotIDKind.prefix), "A snapshot.") }
            return (.identifier(SandboxKind.prefix), "A sandbox.")
        case "process": return (.identifier(ProcessKind.prefix), "A process in the sandbox.")
        case "port": return (.integer(1...65_535), "A TCP port on which something in the sandbox speaks HTTP.")
        default: return (.text, "What follows.")
        }
    }
}
