package import NIOCore

/// Writes what one end of a WebSocket sends, each message as one frame.
package struct WebSocketFrameEncoder: Sendable {
    /// The role of the end that writes: a client masks.
    private let role: WebSocketRole

    package init(role: WebSocketRole) { self.role = role }

    package func encode(_ message: WebSocketMessage, into buffer: inout ByteBuffer) {
        switch message {
        case .text(let text): encode(opcode: 0x1, ByteBuffer(string: text), into: &buffer)
        case .binary(let bytes): encode(opcode: 0x2, bytes, into: &buffer)
        }
    }

    /// - Parameter payload: at most 125 bytes.
    package func encodePing(_ payload: ByteBuffer = ByteBuffer(), into buffer: inout ByteBuffer) {
        encode(opcode: 0x9, payload, into: &buffer)
    }

    /// - Parameter payload: at most 125 bytes.
    package func encodePong(_ payload: ByteBuffer, into buffer: inout ByteBuffer) { encode(opcode: 0xA, payload, into: &buffer) }

    /// A code that must not be sent is left out.
    package func encode(_ close: WebSocketClose, into buffer: inout ByteBuffer) {
        var payload = ByteBuffer()
        if close.code.isSendable {
            payload.writeInteger(close.code.rawValue)
            payload.writeString(WebSocketFrameEncoder.shortened(close.reason))
        }
        encode(opcode: 0x8, payload, into: &buffer)
    }

    private func encode(opcode: UInt8, _ payload: ByteBuffer, into buffer: inout ByteBuffer) {
        let length = payload.readableBytes
        let maskBit: UInt8 = role == .client ? 0x80 : 0
        buffer.reserveCapacity(minimumWritableBytes: length + 14)
        buffer.writeInteger(0x80 | opcode)
        switch length {
        case ...125: buffer.writeInteger(maskBit | UInt8(length))
        case ...Int(UInt16.max):
            buffer.writeInteger(maskBit | 126)
            buffer.writeInteger(UInt16(length))
        default:
            buffer.writeInteger(maskBit | 127)
            buffer.writeInteger(UInt64(length))
        }
        if role == .client {
            let mask = withUnsafeBytes(of: UInt32.random(in: .min ... .max), Array.init)
            buffer.writeBytes(mask)
            buffer.writeImmutableBuffer(payload.webSocketMasked(mask))
        } else {
            buffer.writeImmutableBuffer(payload)
        }
    }

    /// A reason that fits, cut between characters.
    private static func shortened(_ reason: String) -> String {
        var short = Substring(reason)
        while short.utf8.count > 123 { short.removeLast() }
        return String(short)
    }
}

extension ByteBuffer {
    /// The same bytes with RFC 6455's masking done, or undone.
    func webSocketMasked(_ mask: [UInt8]) -> ByteBuffer {
        var masked = self
        masked.withUnsafeMutableReadableBytes { bytes in
            // Eight bytes at a time: masking is what costs when megabytes are sent.
            let wide = withUnsafeTemporaryAllocation(byteCount: 8, alignment: 8) { space -> UInt64 in
                for index in 0..<8 { space[index] = mask[index & 3] }
                return space.load(as: UInt64.self)
            }
            var offset = 0
            while offset + 8 <= bytes.count {
                let value = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                bytes.storeBytes(of: value ^ wide, toByteOffset: offset, as: UInt64.self)
                offset += 8
            }
            while offset < bytes.count {
                bytes[offset] ^= mask[offset & 3]
                offset += 1
            }
        }
        return masked
    }
}
