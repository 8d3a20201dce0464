/// Takes fields off a payload. Every length is checked against what is there before anything is allocated for it.
struct AgentPayloadReader {
    private let payload: UnsafeRawBufferPointer
    private let kind: UInt8
    private var offset = 0

    /// The payload must outlive the reader.
    init(_ payload: UnsafeRawBufferPointer, kind: UInt8) {
        self.payload = payload
        self.kind = kind
    }

    private var remaining: Int { payload.count - offset }

    mutating func readUInt8() throws(AgentProtocolError) -> UInt8 { try readInteger() }
    mutating func readUInt16() throws(AgentProtocolError) -> UInt16 { try readInteger() }
    mutating func readUInt32() throws(AgentProtocolError) -> UInt32 { try readInteger() }
    mutating func readUInt64() throws(AgentProtocolError) -> UInt64 { try readInteger() }

    private mutating func readInteger<Integer: FixedWidthInteger & BitwiseCopyable>() throws(AgentProtocolError) -> Integer {
        let size = MemoryLayout<Integer>.size
        guard remaining >= size else { throw malformed("it ends within a number") }
        defer { offset += size }
        return Integer(bigEndian: payload.loadUnaligned(fromByteOffset: offset, as: Integer.self))
    }

    /// The byte before an optional field.
    mutating func readPresence() throws(AgentProtocolError) -> Bool {
        switch try readUInt8() {
        case 0: return false
        case 1: return true
        default: throw malformed("a presence byte is neither 0 nor 1")
        }
    }

    mutating func readBytes() throws(AgentProtocolError) -> [UInt8] {
        let count = Int(try readUInt32())
        guard count <= remaining else { throw malformed("a byte string is longer than the payload") }
        defer { offset += count }
        return Array(payload[offset..<offset + count])
    }

    /// Text that is not UTF-8 is repaired: it is for people only.
    mutating func readString() throws(AgentProtocolError) -> String {
        String(decoding: try readBytes(), as: UTF8.self)
    }

    mutating func readList() throws(AgentProtocolError) -> [[UInt8]] {
        let count = Int(try readUInt32())
        // Each element takes four bytes at least: a huge count in a short payload must not reserve memory.
        guard count <= remaining / 4 else { throw malformed("a list is longer than the payload") }
        var list: [[UInt8]] = []
        list.reserveCapacity(count)
        for _ in 0..<count {
            list.append(try readBytes())
        }
        return list
    }

    mutating func readRemaining() -> [UInt8] {
        defer { offset = payload.count }
        return Array(payload[offset...])
    }

    func finish() throws(AgentProtocolError) {
        guard remaining == 0 else { throw malformed("it has bytes left over") }
    }

    func malformed(_ reason: String) -> AgentProtocolError {
        .malformed(kind: kind, reason: reason)
    }
}
