import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import SandstormCore

/// One request of the native API.
struct GatewayCall: Sendable {
    /// What the answer is to be.
    enum Answer: String, Sendable {
        case json = "application/json"
        case events = "text/event-stream"
    }

    var method: HTTPMethod = .GET
    var path: String
    var query: [(name: String, value: String)] = []
    var body: JSONValue?
    var answer = Answer.json
    /// Makes a repeated POST mean the same run.
    var idempotencyKey: String?
    /// The last event that was seen.
    var lastEvent: Int?
    /// Sending it twice does no harm.
    var isRepeatable = true

    /// The request as it is sent.
    func request(to address: GatewayAddress, key: APIKey?) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: address.url(path, query: query))
        request.method = method
        request.headers.add(name: "accept", value: answer == .events ? "text/event-stream, application/problem+json" : "application/json")
        request.headers.add(name: "user-agent", value: "sandstorm-swift/\(SandstormVersion.current)")
        if let key { request.headers.add(name: "authorization", value: "Bearer \(key.secret)") }
        if let idempotencyKey { request.headers.add(name: "idempotency-key", value: idempotencyKey) }
        if let lastEvent, lastEvent > 0 { request.headers.add(name: "last-event-id", value: String(lastEvent)) }
        if let body {
            request.headers.add(name: "content-type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: body.encodedBytes))
        }
        return request
    }
}
