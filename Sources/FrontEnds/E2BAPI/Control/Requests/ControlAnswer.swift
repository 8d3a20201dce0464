import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import SandstormCore

extension Response {
    /// An answer of the control plane.
    static func control(_ json: JSONValue, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) -> Response {
        var headers = headers
        headers[.contentType] = "application/json"
        headers[.cacheControl] = "no-store"
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: json.encodedBytes)))
    }

    /// It is done.
    static var done: Response { Response(status: .noContent, headers: [.cacheControl: "no-store"]) }
}
