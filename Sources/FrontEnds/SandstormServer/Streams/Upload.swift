import HTTPTypes
import Hummingbird
package import HummingbirdCore
import NIOCore
import NIOHTTP1
package import SandstormCore
import SandstormWire

/// A request's body on its way into a sandbox, of any length: the client waits for whoever reads it.
///
/// The connection has one reader, which ends before the answer is given, whoever reads the bytes and however long they hold on to them: a
/// second reader of a connection ends the process.
package struct Upload: Sendable {
    private let body: RequestBody
    /// What the request's head promises; `nil` for a body in chunks.
    private let length: Int64?
    private let client: ClientPresence
    private let encoding: String?

    package init(_ request: Request, from client: ClientPresence) {
        body = request.body
        length = request.headers[.contentLength].flatMap { Int64($0) }
        encoding = request.headers[.contentEncoding]
        self.client = client
    }

    /// Gives the bytes to `consume`, which is cancelled and awaited if the client leaves.
    ///
    /// - Throws: ``Problem`` if the body was cut, else what `consume` threw. A client that was still sending then loses its connection.
    package func pass<Value: Sendable>(_ consume: @escaping @Sendable (ByteStream) async throws -> Value) async throws -> Value {
        if let encoding, encoding.lowercased() != "identity" {
            throw ended(Problem(.unsupportedEncoding, "the body's Content-Encoding is not understood; send the bytes as they are"))
        }
        return try await client.whilePresent {
            let buffer = StreamBuffer()
            let cut = Locked<Problem?>(nil)
            let isWhole = Locked(false)
            return try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    let problem = await pump(into: buffer)
                    cut.withLock { $0 = problem }
                    isWhole.withLock { $0 = problem == nil }
                    buffer.finish(problem.map(StreamBuffer.End.problem) ?? .complete)
                }
                defer {
                    buffer.finish(.clientGone)
                    group.cancelAll()
                }
                do {
                    return try await consume(Upload.stream(from: buffer))
                } catch {
                    if let problem = cut.withLock({ $0 }) { throw ended(problem) }
                    let problem = Upload.problem(for: error)
                    throw isWhole.withLock { $0 } ? problem : ended(problem)
                }
            }
        }
    }

    /// Reads the connection to the body's end.
    ///
    /// - Returns: why the body is not whole, if it is not.
    private func pump(into buffer: StreamBuffer) async -> Problem? {
        var count: Int64 = 0
        do {
            for try await piece in body {
                count += Int64(piece.readableBytes)
                guard await buffer.write(piece) else { return Upload.cut }
            }
        } catch is HTTPParserError {
            return Problem(.malformedHTTP, "the body's chunks are not as RFC 9112 has them")
        } catch {
            return Upload.cut
        }
        // A connection that is gone ends the body as its last byte does.
        if let length { return count == length ? nil : Upload.cut }
        return client.departure.isOpen || Task.isCancelled ? Upload.cut : nil
    }

    private static func stream(from buffer: StreamBuffer) -> ByteStream {
        ByteStream { () async throws(ProviderError) in
            switch await buffer.take() {
            case .bytes(let bytes): return bytes
            case .end(.complete): return nil
            case .end(.problem), .end(.clientGone): throw ProviderError(.invalid, "the upload was cut off")
            }
        }
    }

    private static let cut = Problem(.clientGone, "the client closed its connection before the end of the body")

    private static func problem(for error: any Error) -> any Error {
        (error as? any StreamFailure)?.problem ?? error
    }

    /// What is left of the body would be read to its end otherwise.
    private func ended(_ error: any Error) -> any Error {
        guard var problem = error as? Problem else { return error }
        problem.headers[.connection] = "close"
        return problem
    }
}
