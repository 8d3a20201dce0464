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
        case bytes = "application/octet-stream"
    }

    /// What is sent beside JSON.
    enum Content: Sendable {
        case bytes([UInt8])
        case upload(Upload)
    }

    var method: HTTPMethod = .GET
    var path: String
    var query: [(name: String, value: String)] = []
    var body: JSONValue?
    /// Bytes for the body, instead of JSON.
    var content: Content?
    /// The bytes that are asked for, the last one included.
    var range: ClosedRange<Int64>?
    var answer = Answer.json
    /// Makes a repeated POST mean the same run.
    var idempotencyKey: String?
    /// The last event that was seen.
    var lastEvent: Int?
    /// Sending it twice does no harm.
    var isRepeatable = true
    /// How long the head of the answer may take, for work that a gateway answers only once it is done; `nil` for as long as any answer may.
    var patience: TimeAmount?

    /// The request as it is sent.
    func request(to address: GatewayAddress, key: APIKey?) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: address.url(path, query: query))
        request.method = method
        request.headers.add(
            name: "accept", value: answer == .json ? "application/json" : "\(answer.rawValue), application/problem+json")
        request.headers.add(name: "user-agent", value: "sandstorm-swift/\(SandstormVersion.current)")
        if let key { request.headers.add(name: "authorization", value: "Bearer \(key.secret)") }
        if let idempotencyKey { request.headers.add(name: "idempotency-key", value: idempotencyKey) }
        if let lastEvent, lastEvent > 0 { request.headers.add(name: "last-event-id", value: String(lastEvent)) }
        if let body {
            request.headers.add(name: "content-type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: body.encodedBytes))
        }
        switch content {
        case .bytes(let bytes): request.body = .bytes(ByteBuffer(bytes: bytes))
        case .upload(let upload): request.body = .stream(upload, length: .unknown)
        case nil: break
        }
        if content != nil { request.headers.add(name: "content-type", value: "application/octet-stream") }
        if let range { request.headers.add(name: "range", value: "bytes=\(range.lowerBound)-\(range.upperBound)") }
        return request
    }
}
