import HTTPTypes
import SandstormCore
import SandstormServer

/// An answer that is no problem.
struct Answer: Sendable {
    /// `nil` for any that is not told of otherwise.
    let status: Int?
    let description: String
    /// Each media type with its schema, the one that comes without asking first.
    var content: [(type: String, schema: Schema)] = []
    var headers: [(name: String, description: String)] = []
    /// What can be asked next with what was answered: operations, and where their path's parameters come from.
    private var links: [(operation: String, parameters: JSONObject)] = []

    init(
        status: Int?, description: String, content: [(type: String, schema: Schema)] = [],
        headers: [(name: String, description: String)] = []
    ) {
        self.status = status
        self.description = description
        self.content = content
        self.headers = headers
    }

    /// The same, of something that `operations` take by its id.
    func linked(to operations: [String], _ parameters: JSONObject = ["id": "$response.body#/id"]) -> Answer {
        var answer = self
        answer.links += operations.map { ($0, parameters) }
        return answer
    }

    static func json(
        _ schema: Schema, _ description: String, status: Int = 200, headers: [(name: String, description: String)] = []
    ) -> Answer {
        Answer(status: status, description: description, content: [(OfferedType.json.rawValue, schema)], headers: headers)
    }

    /// JSON, or for clients that accept them server-sent events.
    static func jsonOrEvents(
        _ schema: Schema, _ description: String, status: Int = 200, headers: [(name: String, description: String)] = []
    ) -> Answer {
        var answer = json(schema, description, status: status, headers: headers)
        answer.content.append((OfferedType.eventStream.rawValue, Schema.event))
        return answer
    }

    static func events(_ description: String) -> Answer {
        Answer(status: 200, description: description, content: [(OfferedType.eventStream.rawValue, .event)])
    }

    static func empty(_ description: String) -> Answer { Answer(status: 204, description: description) }

    static let location = (name: "Location", description: "Where it is.")
    static let replayed = (name: "Idempotency-Replayed", description: "`true` if the key led to one that was there.")
    /// The header field that every answer has.
    static let requestID: JSONValue = ["$ref": "#/components/headers/RequestId"]

    var json: JSONValue {
        var object: JSONObject = ["description": .string(description)]
        var fields: JSONObject = ["X-Request-Id": Answer.requestID]
        for header in headers { fields[header.name] = ["description": .string(header.description), "schema": ["type": "string"]] }
        object["headers"] = .object(fields)
        if !content.isEmpty {
            var types = JSONObject()
            for (type, schema) in content { types[type] = ["schema": schema.json] }
            object["content"] = .object(types)
        }
        if !links.isEmpty {
            var named = JSONObject()
            for link in links { named[link.operation] = ["operationId": .string(link.operation), "parameters": .object(link.parameters)] }
            object["links"] = .object(named)
        }
        return .object(object)
    }
}
