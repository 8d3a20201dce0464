import NIOCore
import SandstormCore

/// Bytes on their way to the agent that wait for credit, and the tasks that wait with them.
struct AgentInputQueue: Sendable {
    private enum Entry {
        case bytes(ByteBuffer, AgentWaiter<Void>)
        /// The end of the input.
        case end(AgentWaiter<Void>?)
    }

    /// What may be sent now.
    enum Output {
        case bytes(ByteBuffer)
        case end
    }

    private var entries: CircularBuffer<Entry> = []
    private var window = AgentSendWindow()
    /// Nothing more can be added: an end was, or the reader is gone.
    private(set) var isClosed = false

    /// Adds bytes; `waiter` is resolved when the last of them is on its way.
    mutating func append(_ bytes: ByteBuffer, _ waiter: AgentWaiter<Void>) { entries.append(.bytes(bytes, waiter)) }

    mutating func appendEnd(_ waiter: AgentWaiter<Void>?) {
        isClosed = true
        entries.append(.end(waiter))
    }

    mutating func grant(_ bytes: UInt32) throws(AgentProtocolError) { try window.grant(bytes) }

    /// Takes what the credit allows, at most one frame's worth, and the waiter that is thereby done.
    mutating func next() -> (output: Output, done: AgentWaiter<Void>?)? {
        guard let first = entries.first else { return nil }
        switch first {
        case .end(let waiter):
            entries.removeFirst()
            return (.end, waiter)
        case .bytes(var bytes, let waiter):
            let count = min(window.available, AgentProtocol.maximumDataLength, bytes.readableBytes)
            // No more than is available is asked for, so that spending can't fail.
            guard count > 0, let slice = bytes.readSlice(length: count), (try? window.spend(count)) != nil else { return nil }
            guard bytes.readableBytes == 0 else {
                entries[entries.startIndex] = .bytes(bytes, waiter)
                return (.bytes(slice), nil)
            }
            entries.removeFirst()
            return (.bytes(slice), waiter)
        }
    }

    /// Takes back what `waiter` waits for; what was already sent of it stays sent.
    mutating func withdraw(_ waiter: AgentWaiter<Void>) {
        entries.removeAll { entry in
            if case .bytes(_, let other) = entry { other === waiter } else { false }
        }
    }

    /// Drops everything.
    ///
    /// - Returns: who waited.
    mutating func close() -> [AgentWaiter<Void>] {
        defer { entries.removeAll() }
        isClosed = true
        return entries.compactMap { entry in
            switch entry {
            case .bytes(_, let waiter): waiter
            case .end(let waiter): waiter
            }
        }
    }
}
