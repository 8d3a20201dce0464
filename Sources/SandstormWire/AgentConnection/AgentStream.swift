import NIOCore
import SandstormCore

/// A stream of bytes from or to the agent, or both. Letting go of it cancels what is not over.
final class AgentStream: Sendable {
    private let id: UInt32
    private let connection: AgentConnection

    init(id: UInt32, of connection: AgentConnection) {
        self.id = id
        self.connection = connection
    }

    deinit { connection.link.perform { $0.forgetStream(id) } }

    /// The agent's next bytes; nil at the end. Whoever does not ask holds up the agent.
    func next() async throws(ProviderError) -> ByteBuffer? {
        let waiter = AgentWaiter<ByteBuffer?>()
        let (link, id) = (connection.link, id)
        link.perform { $0.read(from: id, waiter) }
        return try await waiter.value { link.perform { $0.withdraw(readWaiter: waiter, from: id) } }
    }

    /// Returns when the agent has the room for all of the bytes.
    func write(_ bytes: ByteBuffer) async throws(ProviderError) {
        let waiter = AgentWaiter<Void>()
        let (link, id) = (connection.link, id)
        link.perform { $0.write(bytes, toStream: id, waiter) }
        try await waiter.value { link.perform { $0.withdraw(writeWaiter: waiter, fromStream: id) } }
    }

    /// Ends our bytes.
    func end() { connection.link.perform { $0.endStream(id) } }

    /// Ends our bytes and returns when the agent has done what they were for.
    func finish() async throws(ProviderError) {
        let waiter = AgentWaiter<Void>()
        connection.link.perform { $0.finishStream(id, waiter) }
        try await waiter.value {}
    }

    /// Ends the stream from our side; whoever waits for it is told so.
    func cancel() { connection.link.perform { $0.cancelStream(id) } }

    /// Sends all of `content` and returns when the agent has done what it is for. If that fails in any way, the stream is cancelled.
    func send(_ content: ByteStream) async throws(ProviderError) {
        do throws(ProviderError) {
            var pieces = content.makeAsyncIterator()
            while let piece = try await pieces.next(isolation: nil) { try await write(piece) }
            // A source may end early, without an error, when its consumer's task is cancelled.
            guard !Task.isCancelled else { throw .cancelled }
            try await finish()
        } catch {
            cancel()
            throw error
        }
    }
}

/// The records of a listing or a watch. One consumer.
final class AgentRecordStream: Sendable {
    private let stream: AgentStream
    private let decoder: Locked<AgentRecordDecoder>

    init(_ stream: AgentStream, of kind: AgentRecord.Kind) {
        self.stream = stream
        decoder = Locked(AgentRecordDecoder(kind))
    }

    func next() async throws(ProviderError) -> AgentRecord? {
        while true {
            do throws(AgentProtocolError) {
                if let record = try decoder.withLock({ (decoder) throws(AgentProtocolError) in try decoder.next() }) { return record }
            } catch {
                stream.cancel()
                throw ProviderError(.unavailable, "the sandbox's agent broke its protocol: \(error)")
            }
            guard let bytes = try await stream.next() else {
                guard !decoder.withLock(\.isMidRecord) else {
                    throw ProviderError(.unavailable, "the sandbox's agent broke its protocol: the last record is cut")
                }
                return nil
            }
            decoder.withLock { decoder in bytes.withUnsafeReadableBytes { decoder.append($0) } }
        }
    }
}
