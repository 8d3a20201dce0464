import SandstormCore

/// Cuts a stream of bytes so that no piece ends inside a UTF-8 character, as long as the stream is UTF-8.
struct CharacterBoundary {
    private var held: [UInt8] = []

    /// What can be passed on now: all but an unfinished character at the end, at most three bytes.
    mutating func push(_ bytes: some Collection<UInt8>) -> [UInt8] {
        var piece = held
        piece.append(contentsOf: bytes)
        let unfinished = CharacterBoundary.unfinishedSuffix(of: piece)
        held = Array(piece.suffix(unfinished))
        piece.removeLast(unfinished)
        return piece
    }

    /// What is left when the stream has ended.
    mutating func finish() -> [UInt8] {
        defer { held = [] }
        return held
    }

    private static func unfinishedSuffix(of bytes: [UInt8]) -> Int {
        for length in 1...3 where length <= bytes.count {
            let byte = bytes[bytes.count - length]
            if byte & 0b1100_0000 == 0b1000_0000 { continue }
            let expected = byte >= 0xF0 && byte < 0xF8 ? 4 : byte >= 0xE0 && byte < 0xF0 ? 3 : byte >= 0xC2 && byte < 0xE0 ? 2 : 1
            return expected > length ? length : 0
        }
        return 0
    }
}

/// Collects a stream's first bytes for a run's result.
struct OutputCollector {
    private(set) var bytes: [UInt8] = []
    private(set) var isTruncated = false
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    mutating func append(_ piece: [UInt8]) {
        let room = limit - bytes.count
        if piece.count > room { isTruncated = true }
        bytes.append(contentsOf: piece.prefix(max(0, room)))
    }
}
