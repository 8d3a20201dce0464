import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import SandstormCore

extension Response {
    /// A JSON answer that is true only now.
    static func json(_ value: JSONValue, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) -> Response {
        var headers = headers
        headers[.contentType] = OfferedType.json.rawValue
        headers[.cacheControl] = "no-store"
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: value.encodedBytes)))
    }
}
