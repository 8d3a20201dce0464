import Hummingbird
package import HummingbirdCore
package import NIOCore
import NIOHTTP1
package import SandstormCore

/// The JSON in a request's body. The content type is not asked: `curl -d` sends JSON under the name of a form.
package enum JSONBody {
    /// The most members or elements that one object or array may have.
    ///
    /// What reads a request looks members up one by one; this bounds the work that a hostile body can cause.
    package static let maximumMembers = 10_000

    /// Reads all of the body.
    ///
    /// - Parameter absent: what no body at all stands for; `nil` if there must be one.
    /// - Throws: ``Problem``: `bodyTooLarge`, `unsupportedEncoding`, `malformedJSON`, or `invalidRequest` for too many members.
    package static func read(_ request: Request, limit: Int, absent: JSONValue? = nil) async throws -> JSONValue {
        if let encoding = request.headers[.contentEncoding], encoding.lowercased() != "identity" {
            throw Problem(.unsupportedEncoding, "the body's Content-Encoding is not understood; send the JSON as it is")
        }
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limit { throw tooLarge(limit) }
        let bytes: ByteBuffer
        do {
            bytes = try await request.body.collect(upTo: limit)
        } catch is NIOTooManyBytesError {
            throw tooLarge(limit)
        } catch is HTTPParserError {
            throw Problem(.malformedHTTP, "the body's chunks are not as RFC 9112 has them")
        }
        if let absent, bytes.readableBytes == 0 { return absent }
        return try parse(bytes)
    }

    /// Reads all of the body as whatever `init` makes of JSON.
    package static func read<Value>(
        _ request: Request, limit: Int, absent: JSONValue? = nil, as init: (JSONValue) throws(InvalidRequest) -> Value
    ) async throws -> Value {
        let json = try await read(request, limit: limit, absent: absent)
        do throws(InvalidRequest) { return try `init`(json) } catch { throw Problem(error) }
    }

    package static func parse(_ bytes: ByteBuffer) throws(Problem) -> JSONValue {
        guard bytes.readableBytes > 0 else {
            throw Problem.malformedJSON("the body is empty; send a JSON object", offset: 0)
        }
        let value: JSONValue
        do throws(JSONSyntaxError) {
            value = try JSONValue(parsing: bytes.readableBytesView)
        } catch {
            throw Problem.malformedJSON("the body is not JSON: \(error.description)", offset: error.offset)
        }
        if let pointer = crowdedPlace(in: value, at: "") {
            throw Problem(InvalidRequest(pointer, "has more than \(maximumMembers) members", remedy: "send fewer"))
        }
        return value
    }

    private static func tooLarge(_ limit: Int) -> Problem {
        var problem = Problem(.bodyTooLarge, "the body is longer than \(limit) bytes; put large inputs where the code can fetch them")
        // What is left of the body would be read to its end otherwise.
        problem.headers[.connection] = "close"
        return problem
    }

    /// The first object or array with too many members; the parser has bounded the depth.
    private static func crowdedPlace(in value: JSONValue, at pointer: String) -> String? {
        switch value {
        case .object(let object):
            if object.members.count > maximumMembers { return pointer }
            for member in object.members where member.value.isContainer {
                if let place = crowdedPlace(in: member.value, at: "\(pointer)/\(JSONReader.escape(member.key))") { return place }
            }
        case .array(let elements):
            if elements.count > maximumMembers { return pointer }
            for (index, element) in elements.enumerated() where element.isContainer {
                if let place = crowdedPlace(in: element, at: "\(pointer)/\(index)") { return place }
            }
        case .null, .bool, .number, .string: break
        }
        return nil
    }
}

extension JSONValue {
    fileprivate var isContainer: Bool {
        switch self {
        case .object, .array: true
        case .null, .bool, .number, .string: false
        }
    }
}
