import AsyncHTTPClient
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import NIOHTTP1
import SandstormCore
import SandstormWire

/// Passes the answer of a sandbox's port on to the client as it comes, with back pressure.
struct PortResponse: Sendable {
    let answer: HTTPClientResponse
    let upload: UploadPump?
    let client: ClientPresence
    let prefix: String

    /// Why an answer is broken off.
    private enum Break: Error {
        case serverGone
    }

    private static let bufferLimit = 64 * 1024

    func response() -> Response {
        var fields = PortHeaders.response(answer.headers, prefix: prefix)
        // Whether the rest of the body will be read is not known yet.
        if let upload, !upload.isComplete { fields[.connection] = "close" }
        let status = HTTPResponse.Status(code: Int(answer.status.code), reasonPhrase: answer.status.reasonPhrase)
        return Response(status: status, headers: fields, body: ResponseBody { writer in try await relay(to: &writer) })
    }

    private func relay(to writer: inout any ResponseBodyWriter) async throws {
        do {
            try await copy(to: &writer)
        } catch {
            await upload?.stop()
            throw error
        }
        await upload?.stop()
        try await writer.finish(nil)
    }

    private func copy(to writer: inout any ResponseBodyWriter) async throws {
        let queue = BoundedQueue<ByteBuffer>(limit: PortResponse.bufferLimit) { $0.readableBytes }
        let failure = Locked<(any Error)?>(nil)
        let fail: @Sendable (any Error) -> Void = { error in
            failure.withLock { if $0 == nil { $0 = error } }
            queue.abandon()
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                do {
                    for try await bytes in answer.body { guard await queue.put(bytes) else { return } }
                    queue.finish()
                } catch {
                    // What came before it broke is still passed on.
                    failure.withLock { if $0 == nil { $0 = Break.serverGone } }
                    queue.finish()
                }
            }
            group.addTask { if await client.departure.wait() { fail(Problem(.clientGone, "the client closed its connection")) } }
            group.addTask { if await client.stopping() { fail(Problem.stopping) } }
            defer {
                queue.abandon()
                group.cancelAll()
            }
            while true {
                let parts = await queue.takeAll()
                if parts.isEmpty { break }
                try await writer.write(contentsOf: parts)
            }
            if let error = failure.withLock({ $0 }) { throw error }
        }
    }
}
