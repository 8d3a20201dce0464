import NIOCore

/// Output that has come and that nobody has taken yet, in order.
///
/// Small pieces are copied together and large ones are kept as they are: a slice keeps its whole read buffer alive, so that a peer who sends
/// single bytes could make us hold much more than its window. A run of pieces of the same stream comes out as one.
struct AgentOutputQueue: Sendable {
    enum Stream: Sendable {
        case stdout, stderr
    }

    private struct Run {
        var stream: Stream
        var count: Int
        /// It starts a new block.
        var startsBlock: Bool
    }

    /// From this size on a piece is kept as it came.
    private static let largePiece = 16 * 1024
    private static let blockCapacity = 64 * 1024

    private var runs: CircularBuffer<Run> = []
    private var blocks: CircularBuffer<ByteBuffer> = []
    /// The last block takes more small pieces.
    private var lastBlockIsOpen = false

    var isEmpty: Bool { runs.isEmpty }

    mutating func append(_ stream: Stream, _ piece: ByteBuffer) {
        guard piece.readableBytes > 0 else { return }
        guard piece.readableBytes < Self.largePiece else {
            blocks.append(piece)
            lastBlockIsOpen = false
            runs.append(Run(stream: stream, count: piece.readableBytes, startsBlock: true))
            return
        }
        let startsBlock =
            !lastBlockIsOpen || blocks.isEmpty || blocks[blocks.index(before: blocks.endIndex)].readableBytes >= Self.blockCapacity
        if startsBlock {
            blocks.append(ByteBuffer())
            lastBlockIsOpen = true
        }
        let block = blocks.index(before: blocks.endIndex)
        blocks[block].writeImmutableBuffer(piece)
        if !startsBlock, let last = runs.indices.last, runs[last].stream == stream {
            runs[last].count += piece.readableBytes
        } else {
            runs.append(Run(stream: stream, count: piece.readableBytes, startsBlock: startsBlock))
        }
    }

    mutating func popFirst() -> (stream: Stream, bytes: ByteBuffer)? {
        guard let run = runs.popFirst() else { return nil }
        if runs.first?.startsBlock ?? true {
            // The last run of its block: the block itself goes, so that nothing is shared and copied later.
            guard let bytes = blocks.popFirst() else { return nil }
            if blocks.isEmpty { lastBlockIsOpen = false }
            return (run.stream, bytes)
        }
        guard let bytes = blocks[blocks.startIndex].readSlice(length: run.count) else { return nil }
        if blocks.count == 1 { lastBlockIsOpen = false }
        return (run.stream, bytes)
    }

    mutating func removeAll() {
        runs.removeAll()
        blocks.removeAll()
        lastBlockIsOpen = false
    }
}
