/// Input that a process has not taken yet. Bounded by the credit that its sender has.
struct InputQueue {
    private var bytes: [UInt8] = []
    private var head = 0

    var isEmpty: Bool { head == bytes.count }

    mutating func append(_ more: [UInt8]) {
        if head > 0, head >= bytes.count - head {
            bytes.removeSubrange(..<head)
            head = 0
        }
        bytes.append(contentsOf: more)
    }

    /// Writes once.
    ///
    /// - Returns: what the call came to. What was written is gone from the queue.
    mutating func write(to descriptor: Descriptor) -> Descriptor.Outcome {
        let outcome = bytes.withUnsafeBytes { descriptor.write(UnsafeRawBufferPointer(rebasing: $0[head...])) }
        if case .count(let count) = outcome {
            head += count
            if isEmpty { _ = removeAll() }
        }
        return outcome
    }

    /// - Returns: how many bytes are given up.
    mutating func removeAll() -> Int {
        let count = bytes.count - head
        bytes.removeAll(keepingCapacity: true)
        head = 0
        return count
    }
}
