import HTTPTypes

extension HTTPField.Name {
    static let accelBuffering = known("X-Accel-Buffering")
    static let apiKey = known("X-API-Key")
    static let fetchSite = known("Sec-Fetch-Site")
    static let idempotencyKey = known("Idempotency-Key")
    static let idempotencyReplayed = known("Idempotency-Replayed")
    static let lastEventID = known("Last-Event-ID")
    static let requestID = known("X-Request-Id")

    private static func known(_ name: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(name) else { preconditionFailure("\(name) is not a token") }
        return name
    }
}
