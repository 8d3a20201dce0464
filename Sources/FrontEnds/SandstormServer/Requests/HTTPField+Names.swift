package import HTTPTypes

extension HTTPField.Name {
    package static let accelBuffering = known("X-Accel-Buffering")
    package static let apiKey = known("X-API-Key")
    package static let fetchSite = known("Sec-Fetch-Site")
    package static let forwardedFor = known("X-Forwarded-For")
    package static let forwardedProto = known("X-Forwarded-Proto")
    package static let idempotencyKey = known("Idempotency-Key")
    package static let idempotencyReplayed = known("Idempotency-Replayed")
    package static let journal = known("Sandstorm-Journal-Us")
    package static let lastEventID = known("Last-Event-ID")
    package static let overhead = known("Sandstorm-Overhead-Us")
    package static let requestID = known("X-Request-Id")
    package static let webSocketAccept = known("Sec-WebSocket-Accept")
    package static let webSocketKey = known("Sec-WebSocket-Key")
    package static let webSocketProtocol = known("Sec-WebSocket-Protocol")
    package static let webSocketVersion = known("Sec-WebSocket-Version")

    /// A name that is known to be one, written in the source.
    package static func known(_ name: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(name) else { preconditionFailure("\(name) is not a token") }
        return name
    }
}
