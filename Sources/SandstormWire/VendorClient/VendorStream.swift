import AsyncHTTPClient
package import NIOCore
package import NIOHTTP1
import SandstormCore

/// An answer whose body is read as it comes, with back pressure: whoever does not read holds up the vendor. One consumer.
///
/// Letting go of it closes the connection, unless the body has ended, when the connection is kept for the next request.
package final class VendorStream: Sendable {
    package let status: Int
    package let headers: HTTPHeaders
    private let queue: BoundedQueue<ByteBuffer>
    private let failure: Locked<VendorFailure?>
    private let reading: Task<Void, Never>

    /// What is held of a body that nobody reads, in bytes; the connection's own buffers come on top.
    private static let window = 256 * 1024

    init(_ response: HTTPClientResponse) {
        let queue = BoundedQueue<ByteBuffer>(limit: VendorStream.window) { $0.readableBytes }
        let failure = Locked<VendorFailure?>(nil)
        status = Int(response.status.code)
        headers = response.headers
        self.queue = queue
        self.failure = failure
        reading = Task {
            do {
                for try await bytes in response.body {
                    guard await queue.put(bytes) else { return }
                }
            } catch {
                failure.withLock { $0 = VendorFailure(transport: error) }
            }
            queue.finish()
        }
    }

    deinit {
        queue.abandon()
        reading.cancel()
    }

    /// The next bytes, `nil` at the body's end.
    ///
    /// - Parameter limit: the longest silence; `nil` for no end.
    package func next(within limit: Duration?) async throws(VendorFailure) -> ByteBuffer? {
        if Task.isCancelled { throw .cancelled }
        let bytes: ByteBuffer?
        if queue.isEmpty, let limit {
            bytes = try await take(within: limit)
        } else {
            bytes = await queue.take()
        }
        if let bytes { return bytes }
        if Task.isCancelled { throw .cancelled }
        if let failure = failure.withLock(\.self) { throw failure }
        return nil
    }

    private func take(within limit: Duration) async throws(VendorFailure) -> ByteBuffer? {
        let queue = queue
        let outcome: Result<ByteBuffer?, VendorFailure> = await withTaskGroup(of: Result<ByteBuffer?, VendorFailure>.self) { group in
            group.addTask { .success(await queue.take()) }
            group.addTask {
                try? await Task.sleep(for: limit)
                return .failure(VendorFailure(.timedOut, "nothing came for too long", mayHaveArrived: true))
            }
            let first = await group.next() ?? .success(nil)
            group.cancelAll()
            // Bytes that came in the very moment are not lost with the task that took them.
            guard case .failure = first, case .success(let late?)? = await group.next() else { return first }
            return .success(late)
        }
        return try outcome.get()
    }

    /// Reads the body to its end if that comes at once, so that the connection can be kept.
    package func drain(within limit: Duration) async {
        let end = ContinuousClock.now + limit
        while true {
            let left = ContinuousClock.now.duration(to: end)
            guard left > .zero, let bytes = try? await next(within: left), bytes.readableBytes > 0 else { return }
        }
    }

    /// The rest of the body.
    ///
    /// - Parameters:
    ///   - most: how much there may be.
    ///   - limit: the longest silence.
    package func collect(upTo most: Int, within limit: Duration) async throws(VendorFailure) -> ByteBuffer {
        var all = ByteBuffer()
        while var bytes = try await next(within: limit) {
            guard all.readableBytes + bytes.readableBytes <= most else {
                throw VendorFailure(.tooLong, "the answer is longer than is taken", mayHaveArrived: true)
            }
            all.writeBuffer(&bytes)
        }
        return all
    }
}
