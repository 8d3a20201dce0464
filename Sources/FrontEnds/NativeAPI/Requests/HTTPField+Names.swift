import HTTPTypes

extension HTTPField.Name {
    static let accelBuffering = known("X-Accel-Buffering")
    static let apiKey = known("X-API-Key")
    static let fetchSite = known("Sec-Fetch-Site")
    static let forwardedFor = known("X-Forwarded-For")
    static let forwardedProto = known("X-Forwarded-Proto")
    static let idempotencyKey = known("Idempotency-Key")
    static let idempotencyReplayed = known("Idempotency-Replayed")
    static let journal = known("Sandstorm-Journal-Us")
    static let lastEventID = known("Last-Event-ID")
    static let overhead = known("Sandstorm-Overhead-Us")
    static let requestID = known("X-Request-Id")
    static let webSocketAccept = known("Sec-WebSocket-Accept")
    static let webSocketKey = known("Sec-WebSocket-Key")
    static let webSocketProtocol = known("Sec-WebSocket-Protocol")
    static let webSocketVersion = known("Sec-WebSocket-Version")

    private static func known(_ name: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(name) else { preconditionFailure("\(name) is not a token") }
        return name
    }
}
