package import NIOCore

/// What one end of a WebSocket says to the other.
package enum WebSocketMessage: Hashable, Sendable {
    case text(String)
    case binary(ByteBuffer)

    /// Bytes on the wire, framing not counted.
    package var byteCount: Int {
        switch self {
        case .text(let text): text.utf8.count
        case .binary(let bytes): bytes.readableBytes
        }
    }
}

/// Why a WebSocket ends, as RFC 6455 has it.
package struct WebSocketClose: Error, Hashable, Sendable, CustomStringConvertible {
    /// The numbers of RFC 6455, section 7.4, and those from 3000 on that others define.
    package struct Code: RawRepresentable, Hashable, Sendable {
        package let rawValue: UInt16
        package init(rawValue: UInt16) { self.rawValue = rawValue }

        package static let normal = Code(rawValue: 1000)
        /// The server stops, or the page was left.
        package static let goingAway = Code(rawValue: 1001)
        package static let protocolError = Code(rawValue: 1002)
        package static let unsupportedData = Code(rawValue: 1003)
        /// The peer closed without saying why; never sent.
        package static let noStatus = Code(rawValue: 1005)
        /// The connection broke; never sent.
        package static let abnormal = Code(rawValue: 1006)
        package static let invalidText = Code(rawValue: 1007)
        /// The peer did something that it may not do.
        package static let policyViolation = Code(rawValue: 1008)
        package static let tooLarge = Code(rawValue: 1009)
        package static let internalError = Code(rawValue: 1011)

        /// May stand in a close frame.
        var isSendable: Bool {
            switch rawValue {
            case 1000...1003, 1007...1014, 3000...4999: true
            default: false
            }
        }
    }

    package let code: Code
    /// For people; at most 123 bytes of it are sent.
    package let reason: String

    package init(_ code: Code, _ reason: String = "") {
        self.code = code
        self.reason = reason
    }

    package var description: String {
        reason.isEmpty ? "WebSocket closed (\(code.rawValue))" : "WebSocket closed (\(code.rawValue)): \(reason)"
    }
}

/// Which end of a WebSocket this is: clients mask what they send, servers don't.
package enum WebSocketRole: Hashable, Sendable {
    case client
    case server
}
