import Glibc

/// One way from a process to `stdout` or `stderr` frames.
struct ProcessOutput {
    let kind: AgentFrameKind
    /// nil after the end.
    private(set) var descriptor: Descriptor?
    private let isTerminal: Bool
    private var isReadable = true
    /// After the process's exit: how much more may be its own output. What comes later is from processes that it left behind.
    private var remainder: Int?

    init(_ kind: AgentFrameKind, _ descriptor: Descriptor, isTerminal: Bool) {
        self.kind = kind
        self.descriptor = descriptor
        self.isTerminal = isTerminal
    }

    /// Whether a read could get somewhere.
    var isReady: Bool { descriptor != nil && isReadable && remainder != 0 }

    mutating func noteReadable() {
        isReadable = true
    }

    /// Fixes what belongs to the process, now that it has exited.
    mutating func processExited() {
        guard let descriptor else { return }
        isReadable = true
        // A pipe holds exactly what was written. A terminal's bytes pass through a queue of the kernel's first, which is emptied when a read
        // finds nothing; so it is read until then, within what its buffers can hold.
        remainder = isTerminal ? 256 * 1024 : descriptor.readableByteCount
    }

    /// Reads once, and takes what was read from the window.
    mutating func pump(_ window: inout AgentSendWindow, on channel: UInt32, to outbound: Outbound) {
        guard let descriptor, isReady, window.available > 0 else { return }
        let maximum = min(window.available, remainder ?? .max)
        switch outbound.sendData(kind, on: channel, from: descriptor, maximum: maximum) {
        case .count(0):
            self.descriptor = nil
        case .count(let count):
            // Not more than was available was asked for, so this cannot fail.
            try? window.spend(count)
            remainder = remainder.map { $0 - count }
        case .wouldBlock:
            isReadable = false
        case .failed:
            // EIO from a terminal: nobody has it open right now. A process may open it again, so it ends with the process only.
            isReadable = false
            if !isTerminal { self.descriptor = nil }
        }
    }

    /// Takes a pipe that other processes still hold open.
    mutating func takeAbandoned() -> Descriptor? {
        defer { descriptor = nil }
        return isTerminal ? nil : descriptor
    }
}
