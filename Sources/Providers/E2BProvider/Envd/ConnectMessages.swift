import NIOCore
import SandstormCore
import SandstormWire

/// The messages of one server stream, pulled one by one. One consumer.
final class ConnectMessages: Sendable {
    private let stream: VendorStream
    private let decoder: Locked<ConnectFrameDecoder>

    /// The longest message that is taken; envd cuts output into pieces of 32 KiB.
    static let longestMessage = 16 << 20

    init(_ stream: VendorStream) {
        self.stream = stream
        decoder = Locked(ConnectFrameDecoder(limit: ConnectMessages.longestMessage))
    }

    /// What comes next.
    enum Next: Sendable {
        case message(ByteBuffer)
        /// The last frame, with an error or without.
        case end(ConnectError?)
        /// The body ended without a last frame.
        case cut
    }

    /// - Parameter silence: how long nothing at all may come.
    /// - Throws: ``EnvdFailure`` of kind `transport` or `garbage`.
    func next(within silence: Duration) async throws(EnvdFailure) -> Next {
        while true {
            do throws(ConnectFrameError) {
                if let frame = try decoder.withLock({ (decoder) throws(ConnectFrameError) in try decoder.next() }) {
                    return frame.isEnd ? .end(try ConnectMessages.end(frame)) : .message(frame.payload)
                }
            } catch {
                throw .garbage(error.description)
            }
            let bytes: ByteBuffer?
            do throws(VendorFailure) { bytes = try await stream.next(within: silence) } catch { throw .transport(error) }
            guard let bytes else { return .cut }
            decoder.withLock { $0.append(bytes) }
        }
    }

    private static func end(_ frame: ConnectFrame) throws(ConnectFrameError) -> ConnectError? {
        guard let json = try? frame.message() else { return ConnectError(.unknown, "the last frame is not JSON") }
        return ConnectEndOfStream(json: json).error
    }

    /// Reads to the end if that comes at once, so that the connection can be used again.
    func drain() async { await stream.drain(within: .milliseconds(100)) }
}
