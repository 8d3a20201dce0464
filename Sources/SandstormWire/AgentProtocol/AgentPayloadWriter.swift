/// Appends fields in wire form: integers big-endian, byte strings behind their length.
struct AgentPayloadWriter {
    private(set) var bytes: [UInt8]

    init(appendingTo bytes: [UInt8] = []) {
        self.bytes = bytes
    }

    mutating func append<Integer: FixedWidthInteger & UnsignedInteger>(_ value: Integer) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    /// Appends without a length: the rest of the payload.
    mutating func append(raw value: [UInt8]) {
        bytes.append(contentsOf: value)
    }

    mutating func append(bytes value: [UInt8]) {
        append(UInt32(clamping: value.count))
        bytes.append(contentsOf: value)
    }

    mutating func append(string value: String) {
        append(bytes: Array(value.utf8))
    }

    mutating func append(list: [[UInt8]]) {
        append(UInt32(clamping: list.count))
        for element in list {
            append(bytes: element)
        }
    }

    mutating func overwrite(_ value: UInt32, at offset: Int) {
        withUnsafeBytes(of: value.bigEndian) { bytes.replaceSubrange(offset..<offset + 4, with: $0) }
    }

    mutating func truncate(to count: Int) {
        bytes.removeSubrange(count...)
    }
}
