import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
import SandstormCore

extension SandstormError {
    /// What the HTTP client met on its way, in words for whoever typed the address.
    init(transport error: any Error, gateway: GatewayAddress) {
        switch error {
        case is CancellationError: self = .cancelled
        case let error as HTTPClientError: self.init(error, gateway: gateway)
        case let error as NIOConnectionError: self.init(error, gateway: gateway)
        case let error as IOError: self.init(errno: error.errnoCode, gateway: gateway)
        // What a cut in the middle of a chunked answer looks like.
        case HTTPParserError.invalidEOFState: self.init(.interrupted, "\(gateway) closed the connection before its answer was complete")
        case is HTTPParserError: self.init(.badAnswer, "what answers at \(gateway) does not speak HTTP")
        case is NIOTooManyBytesError: self.init(.badAnswer, "\(gateway) sends a longer answer than Sandstorm would")
        default:
            // NIOSSL's errors are told by their module's name: this target does not depend on that package itself.
            let type = String(reflecting: type(of: error))
            if type.hasPrefix("NIOSSL") {
                self.init(
                    .unreachable, "no secure connection to \(gateway): \(SandstormError.explanation(ofTLS: "\(error)"))", isRetryable: false
                )
            } else {
                self.init(.interrupted, "the connection to \(gateway) failed: \(type)")
            }
        }
    }

    private init(_ error: HTTPClientError, gateway: GatewayAddress) {
        switch error {
        case .cancelled: self = .cancelled
        case .connectTimeout: self.init(.unreachable, "\(gateway) does not accept connections: it did not answer in time")
        case .readTimeout, .deadlineExceeded, .writeTimeout, .getConnectionFromPoolTimeout:
            self.init(.timedOut, "\(gateway) did not answer in time")
        case .remoteConnectionClosed: self.init(.interrupted, "\(gateway) closed the connection before its answer was complete")
        case .tlsHandshakeTimeout: self.init(.unreachable, "no secure connection to \(gateway): the handshake took too long")
        case .invalidURL, .emptyHost, .emptyScheme: self.init(.configuration, "the gateway's address \"\(gateway)\" is not a URL")
        case .alreadyShutdown: self.init(.unavailable, "this Sandstorm value was shut down", isRetryable: false)
        default: self.init(.interrupted, "the connection to \(gateway) failed: \(error.shortDescription)")
        }
    }

    private init(_ error: NIOConnectionError, gateway: GatewayAddress) {
        if let refused = error.connectionErrors.lazy.compactMap({ $0.error as? IOError }).first {
            self.init(errno: refused.errnoCode, gateway: gateway)
        } else if error.connectionErrors.isEmpty {
            self.init(.unreachable, "the host of \(gateway) is not known; check the spelling of the address")
        } else {
            self.init(.unreachable, "\(gateway) can't be reached")
        }
    }

    private init(errno code: CInt, gateway: GatewayAddress) {
        switch code {
        case ECONNREFUSED:
            self.init(.unreachable, "nothing listens at \(gateway): connection refused; start a gateway there with sandstorm serve")
        case EHOSTUNREACH, ENETUNREACH: self.init(.unreachable, "there is no way to \(gateway) from this machine")
        case ETIMEDOUT: self.init(.unreachable, "\(gateway) does not accept connections: it did not answer in time")
        default: self.init(.interrupted, "the connection to \(gateway) broke (\(String(cString: strerror(code))))")
        }
    }

    private static func explanation(ofTLS text: String) -> String {
        if text.contains("CERTIFICATE_VERIFY_FAILED") { return "its certificate is not trusted here" }
        if text.contains("WRONG_VERSION_NUMBER") || text.contains("HTTP_REQUEST") { return "it does not speak TLS; try http://" }
        if text.contains("unableToValidateCertificate") || text.contains("noCertificateToValidate") {
            return "its certificate can't be checked"
        }
        if text.contains("uncleanShutdown") { return "it ended the connection without saying so" }
        return "the handshake failed"
    }
}
