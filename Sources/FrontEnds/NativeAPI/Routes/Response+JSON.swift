import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import SandstormCore
import SandstormServer

extension Response {
    /// It is done, and there is nothing to say about it.
    static var noContent: Response { Response(status: .noContent, headers: [.cacheControl: "no-store"]) }

    /// A JSON answer that is true only now.
    static func json(_ value: JSONValue, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) -> Response {
        var headers = headers
        headers[.contentType] = OfferedType.json.rawValue
        headers[.cacheControl] = "no-store"
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: value.encodedBytes)))
    }
}
