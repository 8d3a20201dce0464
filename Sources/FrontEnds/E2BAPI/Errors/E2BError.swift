import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import SandstormCore
import SandstormServer

/// A refusal in this dialect: `{"code": 404, "message": "…", "error_code"?: "…"}`.
struct E2BError: Error, Sendable {
    var status: HTTPResponse.Status
    /// For the client. Its SDK tells some failures apart by words in it.
    var message: String
    /// One of the vendor's names for what happened, where it has one.
    var code: String?
    var headers: HTTPFields = [:]
    /// What the vendor's answer has beside these.
    var details: JSONObject = [:]

    init(_ status: HTTPResponse.Status, _ message: String, code: String? = nil, headers: HTTPFields = [:]) {
        self.status = status
        self.message = message
        self.code = code
        self.headers = headers
    }

    var json: JSONValue {
        var object: JSONObject = ["code": .integer(status.code), "message": .string(message)]
        object["error_code"] = code.map(JSONValue.string)
        for member in details.members { object[member.key] = member.value }
        return .object(object)
    }

    /// Head and body of the response.
    var response: (head: HTTPResponse, bytes: ByteBuffer) {
        let bytes = ByteBuffer(bytes: json.encodedBytes)
        var fields = headers
        fields[.contentType] = "application/json"
        fields[.contentLength] = String(bytes.readableBytes)
        return (HTTPResponse(status: status, headerFields: fields), bytes)
    }
}

extension Response {
    init(_ error: E2BError) {
        let (head, bytes) = error.response
        self.init(status: head.status, headers: head.headerFields, body: ResponseBody(byteBuffer: bytes))
    }
}
