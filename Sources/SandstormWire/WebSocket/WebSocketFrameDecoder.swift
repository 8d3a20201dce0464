package import NIOCore

/// Turns the bytes that the other end of a WebSocket sends, in arbitrary pieces, into messages and control frames.
///
/// It joins fragments, checks everything that RFC 6455 lets a receiver check, and keeps at most one message of bounded size: a frame that
/// is too long is refused by its header. After an error it must not be fed again.
package struct WebSocketFrameDecoder: Sendable {
    /// What came.
    package enum Event: Hashable, Sendable {
        case message(WebSocketMessage)
        /// To be answered by a pong with the same bytes.
        case ping(ByteBuffer)
        case pong(ByteBuffer)
        /// The peer says nothing more.
        case close(WebSocketClose)
    }

    private struct Header {
        let isFinal: Bool
        let opcode: UInt8
        let length: Int
        let mask: [UInt8]?
    }

    /// The role of the end that reads.
    private let role: WebSocketRole
    private let limit: Int
    private var buffer = ByteBuffer()
    private var header: Header?
    /// The fragments of the message being read, and whether it is text.
    private var message: (isText: Bool, bytes: ByteBuffer)?

    /// - Parameters:
    ///   - role: of the end that reads: a server demands masks, a client refuses them.
    ///   - limit: the longest message, in bytes.
    package init(role: WebSocketRole, limit: Int) {
        self.role = role
        self.limit = limit
    }

    /// The memory that is held for bytes that wait for more.
    package var capacity: Int { buffer.capacity }

    /// Takes the next bytes.
    package mutating func append(_ bytes: ByteBuffer) {
        guard buffer.readableBytes > 0 else {
            buffer = bytes
            return
        }
        // What was read is given back; else a stream that is never cut at a frame's end would be kept.
        if buffer.readerIndex >= buffer.readableBytes { buffer.discardReadBytes() }
        buffer.writeImmutableBuffer(bytes)
    }

    /// What the bytes so far complete; `nil` if more are needed.
    ///
    /// - Throws: ``WebSocketClose`` with the code that the peer is to be told.
    package mutating func next() throws(WebSocketClose) -> Event? {
        while true {
            if header == nil { header = try readHeader() }
            guard let header, let payload = buffer.readSlice(length: header.length) else {
                // Nothing refers to what was read before: the memory is given back while the peer is silent.
                if buffer.readableBytes == 0 { buffer = ByteBuffer() }
                return nil
            }
            self.header = nil
            let bytes = header.mask.map { payload.webSocketMasked($0) } ?? payload
            if let event = try event(header, bytes) { return event }
        }
    }

    private mutating func readHeader() throws(WebSocketClose) -> Header? {
        let start = buffer.readerIndex
        guard let first: UInt8 = buffer.getInteger(at: start), let second: UInt8 = buffer.getInteger(at: start + 1) else { return nil }
        let isFinal = first & 0x80 != 0
        let opcode = first & 0x0F
        guard first & 0x70 == 0 else { throw WebSocketClose(.protocolError, "a reserved bit is set") }
        guard [0x0, 0x1, 0x2, 0x8, 0x9, 0xA].contains(opcode) else { throw WebSocketClose(.protocolError, "unknown opcode \(opcode)") }
        let isControl = opcode & 0x8 != 0
        let isMasked = second & 0x80 != 0
        guard isMasked == (role == .server) else {
            throw WebSocketClose(
                .protocolError, role == .server ? "a client's frames must be masked" : "a server's frames must not be masked")
        }
        var size = 2
        var length = Int(second & 0x7F)
        switch length {
        case 126:
            guard let longer: UInt16 = buffer.getInteger(at: start + size) else { return nil }
            guard longer >= 126 else { throw WebSocketClose(.protocolError, "a length is not in its shortest form") }
            length = Int(longer)
            size += 2
        case 127:
            guard let longest: UInt64 = buffer.getInteger(at: start + size) else { return nil }
            guard longest > UInt64(UInt16.max), longest <= UInt64(Int64.max) else {
                throw WebSocketClose(.protocolError, "a length is not in its shortest form")
            }
            length = Int(longest)
            size += 8
        default: break
        }
        if isControl {
            guard isFinal else { throw WebSocketClose(.protocolError, "a control frame is fragmented") }
            guard length <= 125 else { throw WebSocketClose(.protocolError, "a control frame is longer than 125 bytes") }
        } else {
            guard (opcode == 0) == (message != nil) else {
                throw WebSocketClose(.protocolError, opcode == 0 ? "a continuation of nothing" : "a message inside another")
            }
            guard length <= limit - (message?.bytes.readableBytes ?? 0) else {
                throw WebSocketClose(.tooLarge, "a message is longer than \(limit) bytes")
            }
        }
        var mask: [UInt8]?
        if isMasked {
            guard let bytes = buffer.getBytes(at: start + size, length: 4) else { return nil }
            mask = bytes
            size += 4
        }
        buffer.moveReaderIndex(forwardBy: size)
        return Header(isFinal: isFinal, opcode: opcode, length: length, mask: mask)
    }

    private mutating func event(_ header: Header, _ payload: ByteBuffer) throws(WebSocketClose) -> Event? {
        switch header.opcode {
        case 0x8: return .close(try WebSocketFrameDecoder.close(payload))
        case 0x9: return .ping(payload)
        case 0xA: return .pong(payload)
        default: break
        }
        if message == nil {
            message = (header.opcode == 0x1, payload)
        } else {
            message?.bytes.writeImmutableBuffer(payload)
        }
        guard header.isFinal, let whole = message else { return nil }
        message = nil
        guard whole.isText else { return .message(.binary(whole.bytes)) }
        guard let text = String(validating: whole.bytes.readableBytesView, as: UTF8.self) else {
            throw WebSocketClose(.invalidText, "a text message is not UTF-8")
        }
        return .message(.text(text))
    }

    private static func close(_ payload: ByteBuffer) throws(WebSocketClose) -> WebSocketClose {
        guard payload.readableBytes > 0 else { return WebSocketClose(.noStatus) }
        guard let number: UInt16 = payload.getInteger(at: payload.readerIndex) else {
            throw WebSocketClose(.protocolError, "a close frame holds one byte")
        }
        let code = WebSocketClose.Code(rawValue: number)
        guard code.isSendable else { throw WebSocketClose(.protocolError, "\(number) is no code to close with") }
        guard let reason = String(validating: payload.readableBytesView.dropFirst(2), as: UTF8.self) else {
            throw WebSocketClose(.invalidText, "a reason is not UTF-8")
        }
        return WebSocketClose(code, reason)
    }
}
