package import HTTPTypes
import Hummingbird
import HummingbirdCore
package import NIOCore
package import SandstormCore

/// A refusal in the form of RFC 9457, `application/problem+json`.
package struct Problem: Error, Sendable {
    package var kind: Kind
    /// What is wrong with this very request; safe for the client.
    package var detail: String
    /// What is wrong with the body, field by field.
    package var problems: [FieldProblem] = []
    /// What was looked at and dropped.
    package var decision: Decision?
    /// With `malformedJSON`: bytes before the place where the body stopped being JSON.
    package var offset: Int?
    /// Header fields of the response beside the usual ones.
    package var headers: HTTPFields = [:]

    /// The most fields that one answer tells of.
    package static let maximumProblems = 100

    package init(_ kind: Kind, _ detail: String) {
        self.kind = kind
        self.detail = detail
        headers = kind.headers
    }

    /// The body as JSON.
    package func json(requestID: String) -> JSONValue {
        var object: JSONObject = [
            "type": .string("urn:sandstorm:problem:\(kind.name)"), "title": .string(kind.title), "status": .integer(kind.status.code),
            "detail": .string(detail), "requestId": .string(requestID), "retryable": .bool(kind.isRetryable),
        ]
        object["offset"] = offset.map { .integer($0) }
        if !problems.isEmpty {
            object["errors"] = .array(problems.prefix(Problem.maximumProblems).map(\.json))
        }
        object["decision"] = decision?.json
        return .object(object)
    }

    /// Head and body of the response.
    package func response(requestID: String) -> (head: HTTPResponse, bytes: ByteBuffer) {
        let bytes = ByteBuffer(bytes: json(requestID: requestID).encodedBytes)
        var fields = headers
        fields[.contentType] = "application/problem+json"
        fields[.contentLength] = String(bytes.readableBytes)
        fields[.cacheControl] = "no-store"
        fields[.requestID] = requestID
        return (HTTPResponse(status: kind.status, headerFields: fields), bytes)
    }
}

extension FieldProblem {
    fileprivate var json: JSONValue { ["pointer": .string(pointer), "detail": .string(detail), "remedy": .string(remedy)] }
}

// MARK: The usual ones

extension Problem {
    /// No API key, or none that is known.
    package static func unauthenticated(_ detail: String) -> Problem {
        Problem(.unauthenticated, "\(detail); send Authorization: Bearer ‹key› or X-API-Key: ‹key›")
    }

    package static func malformedJSON(_ detail: String, offset: Int) -> Problem {
        var problem = Problem(.malformedJSON, detail)
        problem.offset = offset
        return problem
    }

    /// There is no such run, or it is somebody else's: the two look the same.
    package static let noSuchRun = Problem(.notFound, "there is no such run")

    /// There is no such sandbox, or it is somebody else's.
    package static let noSuchSandbox = Problem(.notFound, "there is no such sandbox")
    /// No process of that name was started in the sandbox, or it ended long ago.
    package static let noSuchProcess = Problem(.notFound, "there is no such process in this sandbox")
    /// There is no such snapshot, or it is somebody else's.
    package static let noSuchSnapshot = Problem(.notFound, "there is no such snapshot")

    /// The gateway's patience with work under way has ended.
    package static let stopping = Problem(.shuttingDown, "the gateway is stopping")
}
