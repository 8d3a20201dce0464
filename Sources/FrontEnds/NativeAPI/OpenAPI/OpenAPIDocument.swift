import HTTPTypes
import NIOCore
import SandstormCore
import SandstormServer

/// The description of this API in the words of OpenAPI 3.1: what `/openapi.json` answers.
enum OpenAPIDocument {
    /// Made once: it depends on nothing.
    static let encoded = ByteBuffer(bytes: json.encodedBytes)

    /// Every operation, by groups.
    static let operations: [Operation] =
        Operation.ofRuns + Operation.ofSandboxes + Operation.ofProcesses + Operation.ofFiles
        + Operation.ofPorts + Operation.ofSnapshots + Operation.ofPlaces + Operation.ofGateway

    /// Every schema that has a name of its own.
    static let schemas: Schema.Members =
        Schema.ofRuns + Schema.ofPlaces + Schema.ofSandboxes + Schema.ofProcesses + Schema.ofFiles
        + Schema.ofSnapshots + Schema.ofProblems

    static var json: JSONValue {
        [
            "openapi": "3.1.0",
            "info": [
                "title": "Sandstorm", "version": "1", "summary": "One API over all sandbox clouds.",
                "description": .string(introduction),
            ],
            "servers": [["url": "/"]],
            "security": [["bearer": []], ["apiKey": []]],
            "tags": .array(Operation.Tag.allCases.map { ["name": .string($0.rawValue), "description": .string($0.description)] }),
            "paths": paths,
            "components": [
                "securitySchemes": [
                    "bearer": ["type": "http", "scheme": "bearer", "description": "An API key that `sandstorm keys create` made."],
                    "apiKey": ["type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same key."],
                ],
                "headers": [
                    "RequestId": [
                        "description": "The request's name: the client's own if it sent a sane one. The gateway's log has it too.",
                        "schema": ["type": "string"],
                    ]
                ],
                "schemas": .object(named(schemas)),
            ],
        ]
    }

    private static let introduction = """
        Keys are camelCase, times are milliseconds, memory is MiB, disk GiB, money an exact decimal string in US dollars, instants are RFC \
        3339 in UTC. What is absent is left out; in requests, null counts as absent. Bytes that are not UTF-8 are base64 under a sibling \
        key: `stdout` or `stdoutBase64`. Unknown members of a request and unknown query parameters are refused. Every refusal is a problem \
        document (RFC 9457). HEAD goes wherever GET goes. A gateway that was started with `--dev` needs no key.

        Streams are server-sent events (`text/event-stream`): each event has a name, one line of JSON, and, where a stream can be resumed, \
        an id for `Last-Event-ID`. An event `problem` carries a problem document: the stream ends there. Comments show that a quiet stream \
        lives.
        """

    private static var paths: JSONValue {
        var paths = JSONObject()
        for operation in operations {
            let path = operation.endpoint.template
            guard case .object(var methods) = paths[path] ?? [:] else { continue }
            methods[operation.method.rawValue.lowercased()] = operation.json
            paths[path] = .object(methods)
        }
        return .object(paths)
    }

    private static func named(_ schemas: Schema.Members) -> JSONObject {
        var object = JSONObject()
        for (name, schema) in schemas { object[name] = schema.json }
        return object
    }
}
