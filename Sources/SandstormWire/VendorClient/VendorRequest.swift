package import NIOCore
package import NIOHTTP1
package import SandstormCore

/// One request of an adapter to its vendor.
package struct VendorRequest: Sendable {
    /// What goes behind the head.
    package enum Body: Sendable {
        case none
        case bytes(ByteBuffer)
        /// Bytes as they come; without a length they are sent in chunks.
        case stream(ByteStream, length: Int64?)
    }

    package var method: HTTPMethod
    /// Absolute, percent-encoded.
    package var url: String
    package var headers: HTTPHeaders
    package var body: Body

    package init(_ method: HTTPMethod, _ url: String, headers: HTTPHeaders = [:], body: Body = .none) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
    }

    /// HTTP itself lets a client send it again when a kept connection turns out to be closed: twice has the effect of once.
    var isRepeatable: Bool {
        guard case .none = body else { return false }
        return [.GET, .HEAD, .DELETE, .OPTIONS].contains(method)
    }
}

/// The whole of an answer.
package struct VendorAnswer: Sendable {
    package var status: Int
    package var headers: HTTPHeaders
    package var body: ByteBuffer

    package init(status: Int, headers: HTTPHeaders = [:], body: ByteBuffer = ByteBuffer()) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// The body as JSON; `nil` if it is none.
    package var json: JSONValue? { try? JSONValue(parsing: body.readableBytesView) }

    /// How long the vendor asks us to wait: whole seconds, as every one of them sends.
    package var retryAfter: Duration? { VendorAnswer.retryAfter(headers) }

    /// Reads `Retry-After`; a date, nonsense, or more than a day counts as absent.
    package static func retryAfter(_ headers: HTTPHeaders) -> Duration? {
        guard let text = headers.first(name: "retry-after"), let seconds = Int64(text), (0...86_400).contains(seconds) else { return nil }
        return .seconds(seconds)
    }
}
