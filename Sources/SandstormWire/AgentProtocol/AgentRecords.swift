/// What the `data` of a listing and of a watch is made of: records behind their length (u32). A record may lie in several frames.
package enum AgentRecord: Equatable, Sendable {
    case entry(AgentFileEntry)
    case change(AgentFileChange)

    /// A listing's or a watch's `data` holds records of one kind only.
    package enum Kind: Sendable {
        case entry, change
    }

    /// No record is longer: two paths, two names and some numbers. A path of more than 4096 bytes is cut where it is made.
    package static let maximumLength = 64 * 1024

    /// Appends the record in wire form.
    package func encode(into bytes: inout [UInt8]) {
        let start = bytes.count
        var writer = AgentPayloadWriter(appendingTo: bytes)
        bytes = []  // The writer now holds the only reference, so that appending does not copy.
        writer.append(UInt32(0))
        switch self {
        case .entry(let entry): entry.encode(into: &writer)
        case .change(let change): change.encode(into: &writer)
        }
        writer.overwrite(UInt32(writer.bytes.count - start - 4), at: start)
        bytes = writer.bytes
    }
}

/// Turns the `data` of a listing or a watch into records. It never traps, and keeps no more than one record and what it was just given.
package struct AgentRecordDecoder: Sendable {
    private let kind: AgentRecord.Kind
    private var buffer: [UInt8] = []
    private var head = 0

    package init(_ kind: AgentRecord.Kind) { self.kind = kind }

    /// Whether a record has begun and not ended.
    package var isMidRecord: Bool { head < buffer.count }

    package mutating func append(_ bytes: UnsafeRawBufferPointer) {
        if head > 0 {
            buffer.removeSubrange(..<head)
            head = 0
        }
        buffer.append(contentsOf: bytes)
    }

    /// Takes the next whole record; nil when more bytes are needed.
    package mutating func next() throws(AgentProtocolError) -> AgentRecord? {
        guard buffer.count - head >= 4 else { return nil }
        let decoded: Result<(AgentRecord, Int)?, AgentProtocolError> = buffer.withUnsafeBytes { whole in
            Result { () throws(AgentProtocolError) in
                let bytes = UnsafeRawBufferPointer(rebasing: whole[head...])
                let length = Int(UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self)))
                let number = AgentFrameKind.data.rawValue
                guard length <= AgentRecord.maximumLength else { throw .malformed(kind: number, reason: "a record of \(length) bytes") }
                guard bytes.count >= 4 + length else { return nil }
                var reader = AgentPayloadReader(UnsafeRawBufferPointer(rebasing: bytes[4..<4 + length]), kind: number)
                let record: AgentRecord =
                    switch kind {
                    case .entry: .entry(try AgentFileEntry(from: &reader))
                    case .change: .change(try AgentFileChange(from: &reader))
                    }
                try reader.finish()
                return (record, 4 + length)
            }
        }
        guard let (record, size) = try decoded.get() else { return nil }
        head += size
        return record
    }
}
