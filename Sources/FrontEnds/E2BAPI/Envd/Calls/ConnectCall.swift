import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import SandstormCore
import SandstormServer
import SandstormWire

/// One call of a procedure, in Connect's JSON form without compression.
struct ConnectCall: Sendable {
    let request: Request
    let sandbox: OpenSandbox
    let client: ClientPresence
    let requestID: String
    /// The longest message.
    let limit: Int

    // MARK: One message each way

    /// Answers a call of one message with one message.
    ///
    /// - Throws: ``E2BError`` for what is answered in envd's place.
    func unary(_ body: @escaping @Sendable (ProtobufJSON) async throws -> JSONValue) async throws -> Response {
        try check(ConnectProtocol.unaryContentType)
        do {
            try checkEncoding(ConnectProtocol.unaryEncodingHeader)
            let deadline = try Deadline(request.headers)
            let bytes = try await collect()
            let message = try ProtobufJSON(try ConnectFrame(payload: bytes).message())
            let answer = try await client.whilePresent { try await deadline.limit { try await body(message) } }
            return ConnectCall.json(answer, .ok)
        } catch {
            guard let failure = EnvdFailure.ofProcedure(error, in: sandbox) as? ConnectError else {
                throw EnvdFailure.ofProcedure(error, in: sandbox)
            }
            return answer(failure)
        }
    }

    private func answer(_ error: ConnectError) -> Response {
        var response = ConnectCall.json(error.json, HTTPResponse.Status(code: error.code.httpStatus))
        // What is left of the body would be read to its end otherwise.
        if error.code == .resourceExhausted { response.headers[.connection] = "close" }
        return response
    }

    private static func json(_ json: JSONValue, _ status: HTTPResponse.Status) -> Response {
        let bytes = ByteBuffer(bytes: json.encodedBytes)
        let headers: HTTPFields = [.contentType: ConnectProtocol.unaryContentType, .contentLength: String(bytes.readableBytes)]
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: bytes))
    }

    // MARK: A stream of answers

    /// Answers a call of one message with a stream of them.
    ///
    /// - Parameters:
    ///   - keepalive: the message that is sent now and then when there is no other, never as the first.
    ///   - begin: gives the messages; what it or they throw ends the stream.
    /// - Throws: ``E2BError`` for what is answered in envd's place.
    func stream(
        keepalive: JSONValue, _ begin: @escaping @Sendable (ProtobufJSON, Deadline) async throws -> ConnectMessages
    ) async throws -> Response {
        try check(ConnectProtocol.streamContentType)
        let messages: ConnectMessages
        do {
            try checkEncoding(ConnectProtocol.streamEncodingHeader)
            let deadline = try Deadline(request.headers)
            let message = try await onlyMessage()
            messages = try await client.whilePresent { try await deadline.limit { try await begin(message, deadline) } }
        } catch {
            guard let failure = EnvdFailure.ofProcedure(error, in: sandbox) as? ConnectError else {
                throw EnvdFailure.ofProcedure(error, in: sandbox)
            }
            return ConnectCall.failedStream(failure)
        }
        let framing = StreamFraming.frames(
            contentType: ConnectProtocol.streamContentType, heartbeat: ConnectFrame(keepalive).encoded,
            ending: { problem in ConnectFrame(ConnectEndOfStream(error: ConnectError(.unavailable, problem.detail))).encoded })
        return StreamBody(
            source: frames(of: messages), framing: framing, client: client, heartbeatInterval: keepaliveInterval, requestID: requestID
        ) { frame, buffer in buffer = frame }.response()
    }

    /// Each message in its frame, and the last frame.
    private func frames(of messages: ConnectMessages) -> ByteStream {
        let isOver = Locked(false)
        return ByteStream { [sandbox] () async throws(ProviderError) in
            guard !isOver.withLock({ $0 }) else { return nil }
            let failure: ConnectError
            do {
                if let payload = try await messages.next() { return ConnectFrame(payload: payload).encoded }
                isOver.withLock { $0 = true }
                return ConnectFrame(ConnectEndOfStream()).encoded
            } catch {
                failure = ConnectCall.failure(error, in: sandbox)
            }
            isOver.withLock { $0 = true }
            return ConnectFrame(ConnectEndOfStream(error: failure)).encoded
        }
    }

    /// What is said of a failure once it is too late for the proxy's own words.
    private static func failure(_ error: any Error, in sandbox: OpenSandbox) -> ConnectError {
        switch EnvdFailure.ofProcedure(error, in: sandbox) {
        case let error as ConnectError: error
        case let error as ConnectFrameError: error.connectError
        case let error as E2BError: ConnectError(.unavailable, error.message)
        default: ConnectError(.internal, "something broke inside the gateway")
        }
    }

    /// After how much silence the caller wants to hear that the stream lives.
    private var keepaliveInterval: Duration {
        let seconds = request.headers[HTTPField.Name.known("Keepalive-Ping-Interval")].flatMap { Int($0) }
        return .seconds(seconds.map { min(max($0, 1), 3600) } ?? 90)
    }

    // MARK: A stream of messages

    /// Hands the messages of a call to `take` as they come, and answers with an empty one after the last.
    func collecting(_ take: @escaping @Sendable (ProtobufJSON) async throws -> Void) async throws -> Response {
        try check(ConnectProtocol.streamContentType)
        let failure: ConnectError?
        do {
            try checkEncoding(ConnectProtocol.streamEncodingHeader)
            failure = try await self.take(Deadline(request.headers), take)
        } catch let error as ConnectError {
            failure = error
        }
        if let failure { return ConnectCall.failedStream(failure) }
        var answer = ConnectFrame([:]).encoded
        ConnectFrame(ConnectEndOfStream()).encode(into: &answer)
        return ConnectCall.frames(answer)
    }

    /// - Returns: why not all of it was taken.
    private func take(
        _ deadline: Deadline, _ take: @escaping @Sendable (ProtobufJSON) async throws -> Void
    ) async throws -> ConnectError? {
        try await Upload(request, from: client).pass { [limit, sandbox] bytes in
            do {
                try await deadline.limit {
                    var decoder = ConnectFrameDecoder(limit: limit)
                    for try await piece in bytes {
                        decoder.append(piece)
                        while let frame = try decoder.next() { if !frame.isEnd { try await take(ProtobufJSON(frame.message())) } }
                    }
                    try decoder.finish()
                }
                return nil
            } catch {
                return ConnectCall.failure(error, in: sandbox)
            }
        }
    }

    // MARK: Requests

    private func check(_ contentType: String) throws(E2BError) {
        guard ConnectProtocol.isContentType(request.headers[.contentType] ?? "", contentType) else {
            throw E2BError(
                .unsupportedMediaType, "this procedure takes \(contentType)", headers: [HTTPField.Name.known("Accept-Post"): contentType])
        }
    }

    private func checkEncoding(_ field: String) throws(ConnectError) {
        guard let encoding = request.headers[HTTPField.Name.known(field)], encoding.lowercased() != "identity" else { return }
        throw ConnectError(.unimplemented, "the compression \"\(encoding.prefix(32))\" is not understood; send the bytes as they are")
    }

    private func collect() async throws -> ByteBuffer {
        do {
            return try await request.body.collect(upTo: limit)
        } catch is NIOTooManyBytesError {
            throw ConnectError(.resourceExhausted, "the message is longer than \(limit) bytes")
        }
    }

    private func onlyMessage() async throws -> ProtobufJSON {
        var decoder = ConnectFrameDecoder(limit: limit)
        decoder.append(try await collect())
        let frame: ConnectFrame?
        let extra: ConnectFrame?
        do throws(ConnectFrameError) {
            (frame, extra) = (try decoder.next(), try decoder.next())
            try decoder.finish()
        } catch {
            throw error.connectError
        }
        guard let frame, !frame.isEnd, extra == nil else {
            throw ConnectError(.invalidArgument, "the call has one message, and nothing behind it")
        }
        return try ProtobufJSON(frame.message())
    }

    // MARK: Answers

    /// The whole answer of a stream that has come to nothing. The connection is not used again: what is left of the body is not wanted.
    private static func failedStream(_ error: ConnectError) -> Response {
        var response = frames(ConnectFrame(ConnectEndOfStream(error: error)).encoded)
        response.headers[.connection] = "close"
        return response
    }

    private static func frames(_ bytes: ByteBuffer) -> Response {
        Response(
            status: .ok, headers: [.contentType: ConnectProtocol.streamContentType, .contentLength: String(bytes.readableBytes)],
            body: ResponseBody(byteBuffer: bytes))
    }
}

/// The messages of a stream, encoded, as they are asked for. What it throws ends the stream.
struct ConnectMessages: Sendable {
    let next: @Sendable () async throws -> ByteBuffer?

    init(_ next: @escaping @Sendable () async throws -> ByteBuffer?) { self.next = next }
}
