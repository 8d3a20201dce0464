import NIOCore
import SandstormCore

/// How the agent answers a call.
enum AgentReply: Sendable {
    case done
    /// It was there; nothing was done.
    case present
    case entry(AgentFileEntry)
}

/// A question that has one answer.
struct AgentCall: Sendable {
    let waiter: AgentWaiter<AgentReply>
    /// Came before `done`.
    var entry: AgentFileEntry?
}

// Calls and streams: all that is done with files and ports but the two transfers of whole files.
extension AgentSession {
    // MARK: Calls

    /// - Returns: the channel; nil if there is none, in which case `waiter` has been told why.
    mutating func call(_ message: AgentMessage, as user: String? = nil, _ waiter: AgentWaiter<AgentReply>) -> UInt32? {
        guard let id = open(message, as: user, waiter) else { return nil }
        calls[id] = AgentCall(waiter: waiter)
        return id
    }

    /// Nobody waits for the answer any more.
    mutating func abandonCall(_ id: UInt32) {
        if calls.removeValue(forKey: id) != nil { send(.cancel, on: id) }
    }

    mutating func receive(_ message: AgentMessage, call id: UInt32) {
        switch message {
        case .entry(let entry): calls[id]?.entry = entry
        case .done:
            guard let call = calls.removeValue(forKey: id) else { return }
            resolve(call.waiter, .success(call.entry.map { .entry($0) } ?? .done))
        case .present:
            guard let call = calls.removeValue(forKey: id) else { return }
            resolve(call.waiter, .success(.present))
        case .failed(let failure) where failure.endsChannel:
            guard let call = calls.removeValue(forKey: id) else { return }
            resolve(call.waiter, .failure(failure.fileError))
        default:
            break
        }
    }

    // MARK: Streams

    /// Opens a stream.
    ///
    /// - Parameters:
    ///   - refusal: told why there is no channel.
    ///   - opener: told when the agent says that it has begun; nil for a stream that begins with our bytes.
    mutating func openStream(
        _ message: AgentMessage, as user: String? = nil, isDuplex: Bool, refusal: AgentWaiter<Void>,
        opener: AgentWaiter<AgentFileEntry?>?
    ) -> UInt32? {
        guard let id = open(message, as: user, refusal) else { return nil }
        streams[id] = AgentStreamState(opener: opener, isDuplex: isDuplex)
        return id
    }

    /// Takes the stream's next bytes, or lets `waiter` wait for them.
    mutating func read(from id: UInt32, _ waiter: AgentWaiter<ByteBuffer?>) {
        guard let hasReader = streams[id]?.hasReader else { return resolve(waiter, .success(nil)) }
        guard !hasReader else {
            return resolve(waiter, .failure(ProviderError(.invalid, "a stream has one consumer, and this one has another already")))
        }
        streams[id]?.wait(waiter)
        deliverStream(id)
    }

    mutating func withdraw(readWaiter waiter: AgentWaiter<ByteBuffer?>, from id: UInt32) { streams[id]?.withdraw(waiter) }

    mutating func write(_ bytes: ByteBuffer, toStream id: UInt32, _ waiter: AgentWaiter<Void>) {
        guard let stream = streams[id], bytes.readableBytes > 0 else { return resolve(waiter, .success(())) }
        guard !stream.isClosed, !stream.output.isClosed else { return resolve(waiter, stream.endResult) }
        streams[id]?.output.append(bytes, waiter)
        pumpStream(id)
    }

    mutating func withdraw(writeWaiter waiter: AgentWaiter<Void>, fromStream id: UInt32) { streams[id]?.output.withdraw(waiter) }

    /// Ends our bytes.
    mutating func endStream(_ id: UInt32) {
        guard let stream = streams[id], !stream.isClosed, !stream.output.isClosed else { return }
        streams[id]?.output.appendEnd(nil)
        pumpStream(id)
    }

    /// Ends our bytes, and lets `waiter` wait for the agent's `done`.
    mutating func finishStream(_ id: UInt32, _ waiter: AgentWaiter<Void>) {
        guard let stream = streams[id] else { return resolve(waiter, .success(())) }
        guard !stream.isClosed else { return resolve(waiter, stream.endResult) }
        streams[id]?.awaitFinish(waiter)
        endStream(id)
    }

    /// Ends the stream from our side. Whoever still waits is told so.
    mutating func cancelStream(_ id: UInt32) {
        guard let stream = streams[id], !stream.isClosed else { return }
        send(.cancel, on: id)
        closeStream(id, because: ProviderError(.interrupted, "the transfer was given up", mayHaveTakenEffect: true, afterStart: true))
    }

    /// The stream's owner is gone.
    mutating func forgetStream(_ id: UInt32) {
        cancelStream(id)
        streams[id] = nil
    }

    mutating func receive(_ message: AgentMessage, stream id: UInt32) throws(AgentProtocolError) {
        switch message {
        case .ready, .entry:
            guard let opener = streams[id]?.opener else { return }
            streams[id]?.opener = nil
            if case .entry(let entry) = message { resolve(opener, .success(entry)) } else { resolve(opener, .success(nil)) }
        case .credit(let bytes):
            try streams[id]?.output.grant(bytes)
            pumpStream(id)
        case .end:
            if streams[id]?.isDuplex == true {
                streams[id]?.endInput()
                deliverStream(id)
            } else {
                closeStream(id, because: nil)
            }
        case .done:
            closeStream(id, because: nil)
        case .failed(let failure) where failure.endsChannel:
            closeStream(id, because: failure.fileError)
        default:
            break
        }
    }

    mutating func receive(_ bytes: ByteBuffer, stream id: UInt32) throws(AgentProtocolError) {
        guard streams[id]?.isClosed == false else { return }
        try streams[id]?.receive(bytes)
        deliverStream(id)
    }

    mutating func closeStream(_ id: UInt32, because error: ProviderError?) {
        guard let (writers, finisher) = streams[id]?.close(because: error) else { return }
        let result: Result<Void, ProviderError> = error.map { .failure($0) } ?? .success(())
        for waiter in writers { resolve(waiter, result) }
        if let finisher { resolve(finisher, result) }
        if let opener = streams[id]?.opener {
            streams[id]?.opener = nil
            let reason = error ?? ProviderError(.unavailable, "the sandbox's agent ended a transfer before it began")
            resolve(opener, .failure(reason))
        }
        deliverStream(id)
    }

    private mutating func deliverStream(_ id: UInt32) {
        guard let (waiter, result, credit) = streams[id]?.deliver() ?? nil else { return }
        if let credit { send(.credit(bytes: credit), on: id) }
        resolve(waiter, result)
    }

    private mutating func pumpStream(_ id: UInt32) {
        while let (output, done) = streams[id]?.output.next() ?? nil {
            send(output, as: .data, end: .end, on: id)
            if let done { resolve(done, .success(())) }
        }
    }
}
