package import NIOCore
import SandstormCore

/// One end of a WebSocket after its handshake, over whatever carries bytes.
///
/// Messages are received and sent with back pressure: an end that does not take what comes stalls its peer, and sending waits for a peer
/// that does not read. Pings are answered and sent, fragments joined, and the closing handshake is done, in both roles.
package final class WebSocketConnection: Sendable {
    /// How much and how long.
    package struct Limits: Sendable {
        /// The longest message that is taken, in bytes.
        package var maximumMessage = 1024 * 1024
        /// Bytes of messages that wait to be received, and bytes that wait to be written.
        package var buffer = 64 * 1024
        /// How often a peer is asked for a sign of life.
        package var pingInterval = Duration.seconds(15)
        /// A peer that was silent for so long is taken for gone.
        package var silence = Duration.seconds(45)
        /// How long a peer may take to answer that the socket is to be closed, and to read what was sent before.
        package var closeTime = Duration.seconds(5)

        package init() {}
    }

    private struct State {
        var lastHeard = ContinuousClock.now
        /// The reader waits for messages to be taken: the peer's silence is our own doing.
        var isStalled = false
        /// What ends the socket: the first cause counts.
        var end: WebSocketClose?
        var endIsPeers = false
        var closeIsSent = false
    }

    /// Pongs are kept for a peer that does not read, up to this much beyond the limit; the rest is never sent.
    private static let pongAllowance = 16 * 1024

    private let role: WebSocketRole
    private let limits: Limits
    private let encoder: WebSocketFrameEncoder
    private let abort: @Sendable () -> Void
    private let inbox: BoundedQueue<WebSocketMessage>
    private let outbox: BoundedQueue<ByteBuffer>
    private let state = Locked(State())
    /// Opens when the socket ends, by whomever.
    private let over = Latch()
    /// Opens when the peer says nothing more.
    private let peerIsDone = Latch()

    /// - Parameter abort: closes what carries the bytes at once, so that neither reading nor writing goes on.
    package init(role: WebSocketRole, limits: Limits = Limits(), abort: @escaping @Sendable () -> Void) {
        self.role = role
        self.limits = limits
        self.abort = abort
        encoder = WebSocketFrameEncoder(role: role)
        // What a message weighs beside its bytes, or empty ones would be kept without a bound.
        inbox = BoundedQueue(limit: limits.buffer) { $0.byteCount + 64 }
        outbox = BoundedQueue(limit: limits.buffer) { $0.readableBytes + 64 }
    }

    // MARK: For the body

    /// Waits for the next message; `nil` once the socket ends.
    package func receive() async -> WebSocketMessage? { await inbox.take() }

    /// Sends a message, and waits while the peer does not read.
    ///
    /// - Returns: `false` once the socket ends or the task is cancelled: the message may have gone nowhere.
    package func send(_ message: WebSocketMessage) async -> Bool {
        guard !over.isOpen else { return false }
        return await outbox.put(encoded(message))
    }

    /// Sends a message if the peer reads what is sent, and drops it otherwise: for answers to what the peer said, which must not wait for a
    /// peer that first wants to say everything.
    package func offer(_ message: WebSocketMessage) {
        _ = outbox.offer(encoded(message), evenBeyond: limits.buffer + WebSocketConnection.pongAllowance)
    }

    private func encoded(_ message: WebSocketMessage) -> ByteBuffer {
        var buffer = ByteBuffer()
        encoder.encode(message, into: &buffer)
        return buffer
    }

    // MARK: Life

    /// Runs the socket until `body` returns why it is to end, the peer closes it, or it breaks; then does the closing handshake.
    ///
    /// - Parameters:
    ///   - bytes: what the peer sends; its end without a close frame means that the connection broke.
    ///   - write: called in turn, from the calling task; returns when more can be written.
    ///   - body: cancelled when the socket ends before it does.
    /// - Returns: why the socket ended: what the first end to close it said.
    package func run<Bytes: AsyncSequence & Sendable>(
        reading bytes: Bytes, writing write: (ByteBuffer) async throws -> Void,
        _ body: @escaping @Sendable (WebSocketConnection) async -> WebSocketClose
    ) async -> WebSocketClose where Bytes.Element == ByteBuffer {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.read(bytes) }
            group.addTask { await self.keepAlive() }
            group.addTask { await self.carryOut(body) }
            while true {
                let parts = await outbox.takeAll()
                guard var joined = parts.first else { break }
                for part in parts.dropFirst() { joined.writeImmutableBuffer(part) }
                do {
                    try await write(joined)
                } catch {
                    end(WebSocketClose(.abnormal, "the connection broke"), byPeer: true)
                    peerIsDone.open()
                    break
                }
            }
            outbox.abandon()
            group.cancelAll()
        }
        return state.withLock { $0.end } ?? WebSocketClose(.abnormal)
    }

    private func carryOut(_ body: @escaping @Sendable (WebSocketConnection) async -> WebSocketClose) async {
        await withTaskGroup(of: WebSocketClose?.self) { group in
            group.addTask { await body(self) }
            group.addTask { [over] in
                _ = await over.wait()
                return nil
            }
            if let close = await group.next() ?? nil { end(close, byPeer: false) }
            group.cancelAll()
        }
        inbox.abandon()
        await close()
    }

    /// The closing handshake.
    private func close() async {
        let (end, isPeers) = state.withLock { state in
            state.closeIsSent = true
            return (state.end ?? WebSocketClose(.internalError), state.endIsPeers)
        }
        if !(isPeers && end.code == .abnormal) {
            var buffer = ByteBuffer()
            // A peer's own code is said back to it.
            encoder.encode(end, into: &buffer)
            _ = outbox.offer(buffer, evenBeyond: .max)
        }
        if await !opens(peerIsDone, within: limits.closeTime) { abort() }
        outbox.finish()
        // Reached only by a peer that does not read what is left: the writer cancels this once it is done.
        if (try? await Task.sleep(for: limits.closeTime)) != nil { abort() }
    }

    private func opens(_ latch: Latch, within time: Duration) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { await latch.wait() }
            group.addTask {
                try? await Task.sleep(for: time)
                return false
            }
            defer { group.cancelAll() }
            return await group.next() ?? false
        }
    }

    private func end(_ close: WebSocketClose, byPeer: Bool) {
        state.withLock { state in
            guard state.end == nil else { return }
            state.end = close
            state.endIsPeers = byPeer
        }
        inbox.finish()
        over.open()
    }

    // MARK: Reading

    private func read<Bytes: AsyncSequence & Sendable>(_ bytes: Bytes) async where Bytes.Element == ByteBuffer {
        var decoder = WebSocketFrameDecoder(role: role, limit: limits.maximumMessage)
        // Whether frames are still looked at: after a broken one, and after the peer's last one, bytes are only passed over.
        var isListening = true
        do {
            for try await chunk in bytes where isListening {
                state.withLock { $0.lastHeard = .now }
                decoder.append(chunk)
                do throws(WebSocketClose) {
                    while isListening, let event = try decoder.next() { isListening = await take(event) }
                } catch {
                    isListening = false
                    end(error, byPeer: false)
                }
                if !isListening, peerIsDone.isOpen { return }
            }
        } catch {
            // However it broke: nothing more comes.
        }
        end(WebSocketClose(.abnormal, "the connection broke"), byPeer: true)
        peerIsDone.open()
    }

    /// - Returns: whether more may come.
    private func take(_ event: WebSocketFrameDecoder.Event) async -> Bool {
        switch event {
        case .message(let message):
            state.withLock { $0.isStalled = true }
            _ = await inbox.put(message)
            state.withLock { state in
                state.isStalled = false
                state.lastHeard = .now
            }
        case .ping(let payload):
            guard !state.withLock({ $0.closeIsSent }) else { break }
            var buffer = ByteBuffer()
            encoder.encodePong(payload, into: &buffer)
            // A peer that pings without ever reading is not answered: the protocol allows to answer the latest only.
            _ = outbox.offer(buffer, evenBeyond: limits.buffer + WebSocketConnection.pongAllowance)
        case .pong: break
        case .close(let close):
            end(close, byPeer: true)
            peerIsDone.open()
            return false
        }
        return true
    }

    private func keepAlive() async {
        while (try? await Task.sleep(for: limits.pingInterval)) != nil {
            let isSilent = state.withLock { !$0.isStalled && ContinuousClock.now - $0.lastHeard >= limits.silence }
            if isSilent { return end(WebSocketClose(.policyViolation, "no sign of life for \(limits.silence)"), byPeer: false) }
            guard !over.isOpen, outbox.isEmpty else { continue }
            var buffer = ByteBuffer()
            encoder.encodePing(into: &buffer)
            _ = outbox.offer(buffer)
        }
    }
}
