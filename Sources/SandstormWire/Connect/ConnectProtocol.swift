/// What the Connect protocol's peers must spell alike; the JSON codec only, without compression.
package enum ConnectProtocol {
    /// The media type of one message as a body.
    package static let unaryContentType = "application/json"
    /// The media type of a body of frames. A stream's answer carries exactly this: clients refuse parameters behind it.
    package static let streamContentType = "application/connect+json"
    /// How long the whole call may take, in milliseconds.
    package static let timeoutHeader = "connect-timeout-ms"
    /// The protocol's version, always ``version``.
    package static let versionHeader = "connect-protocol-version"
    package static let version = "1"
    /// How a unary body is compressed, and a stream's frames are; only `identity` is spoken here.
    package static let unaryEncodingHeader = "content-encoding"
    package static let streamEncodingHeader = "connect-content-encoding"

    /// Reads the value of ``timeoutHeader``: at most ten digits.
    package static func timeout(_ text: some StringProtocol) -> Duration? {
        guard (1...10).contains(text.utf8.count), text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        return Int64(text).map { .milliseconds($0) }
    }

    /// Whether the value of a `Content-Type` header names `mediaType`, whatever its parameters and letter case are.
    package static func isContentType(_ value: String, _ mediaType: String) -> Bool {
        let essence = value.prefix { $0 != ";" }
        return essence.filter { $0 != " " && $0 != "\t" }.lowercased() == mediaType
    }
}
