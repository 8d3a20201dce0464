import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
package import SandstormCore

/// Why there is no answer, or no whole one.
package struct VendorFailure: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Kind: Hashable, Sendable {
        /// No connection came about.
        case unreachable
        /// It took too long.
        case timedOut
        /// The connection broke.
        case lost
        /// What came is not HTTP.
        case garbage
        /// More came than is taken.
        case tooLong
        /// The task was cancelled.
        case cancelled
        /// What the request's body comes from failed.
        case source(ProviderError)
    }

    package var kind: Kind
    /// A few words, the same for all failures of a kind: never a host, a path or a secret.
    package var words: String
    /// The vendor may have got the whole request, and done what it says.
    package var mayHaveArrived: Bool

    package init(_ kind: Kind, _ words: String, mayHaveArrived: Bool) {
        self.kind = kind
        self.words = words
        self.mayHaveArrived = mayHaveArrived
    }

    package var description: String { words }

    static let cancelled = VendorFailure(.cancelled, "the caller has gone", mayHaveArrived: true)

    /// What the HTTP client met.
    init(transport error: any Error) {
        switch error {
        case let error as VendorFailure: self = error
        case let error as ProviderError: self.init(.source(error), error.message, mayHaveArrived: false)
        case is CancellationError: self = .cancelled
        case let error as HTTPClientError: self.init(client: error)
        case is NIOConnectionError: self.init(.unreachable, "no connection could be made", mayHaveArrived: false)
        case let error as IOError:
            let refusals = [ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ETIMEDOUT, EADDRNOTAVAIL, EMFILE, ENFILE]
            if refusals.contains(error.errnoCode) {
                self.init(.unreachable, "no connection could be made", mayHaveArrived: false)
            } else {
                self.init(.lost, "the connection broke", mayHaveArrived: true)
            }
        // What a cut in the middle of a chunked answer looks like.
        case HTTPParserError.invalidEOFState: self.init(.lost, "the connection broke in the middle of the answer", mayHaveArrived: true)
        case is HTTPParserError: self.init(.garbage, "the answer is not HTTP", mayHaveArrived: true)
        case is NIOTooManyBytesError: self.init(.tooLong, "the answer is longer than is taken", mayHaveArrived: true)
        case NIOSSLError.uncleanShutdown: self.init(.lost, "the connection broke", mayHaveArrived: true)
        case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError:
            self.init(.unreachable, "no secure connection could be made", mayHaveArrived: false)
        default: self.init(.lost, "the connection failed: \(type(of: error))", mayHaveArrived: true)
        }
    }

    private init(client error: HTTPClientError) {
        switch error {
        case .cancelled: self = .cancelled
        case .connectTimeout, .tlsHandshakeTimeout, .getConnectionFromPoolTimeout:
            self.init(.unreachable, "no connection could be made in time", mayHaveArrived: false)
        case .readTimeout, .writeTimeout, .deadlineExceeded: self.init(.timedOut, "no answer came in time", mayHaveArrived: true)
        case .invalidURL, .emptyHost, .emptyScheme: self.init(.unreachable, "the address is no URL", mayHaveArrived: false)
        default: self.init(.lost, "the connection broke", mayHaveArrived: true)
        }
    }
}
