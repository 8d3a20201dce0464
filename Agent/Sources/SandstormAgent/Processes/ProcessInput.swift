import Glibc

/// The way from `stdin` frames to a process.
struct ProcessInput {
    /// What the process channel has to tell the gateway.
    struct News {
        var credit: UInt32?
        var closedByProcess = false
    }

    private var descriptor: Descriptor?
    private let isTerminal: Bool
    private var queue = InputQueue()
    private var window = AgentReceiveWindow()
    private var isWritable = true
    private var endIsPending = false
    /// The last byte given to the terminal; decides how its end of input is typed.
    private var lastByte = UInt8(ascii: "\n")

    init(_ descriptor: Descriptor?, isTerminal: Bool) {
        self.descriptor = descriptor
        self.isTerminal = isTerminal
    }

    /// Whether a write could get somewhere.
    var isReady: Bool { descriptor != nil && isWritable && (!queue.isEmpty || endIsPending) }

    mutating func noteWritable() {
        isWritable = true
    }

    /// - Throws: when the gateway sent more than it may.
    mutating func receive(_ bytes: [UInt8]) throws(AgentProtocolError) -> News {
        try window.receive(bytes.count)
        guard descriptor != nil, !endIsPending else {
            // Nobody will read it. Its credit goes back all the same, so that a writer who has not noticed yet does not hang.
            return News(credit: window.consume(bytes.count))
        }
        lastByte = bytes.last ?? lastByte
        queue.append(bytes)
        return News()
    }

    mutating func end() {
        guard descriptor != nil, !endIsPending else { return }
        endIsPending = true
    }

    /// Gives the process what it takes.
    mutating func pump() -> News {
        guard let descriptor, isWritable else { return News() }
        if !queue.isEmpty {
            switch queue.write(to: descriptor) {
            case .count(let count): return News(credit: window.consume(count))
            case .wouldBlock: isWritable = false
            case .failed: return close(byProcess: true)
            }
        } else if endIsPending {
            guard isTerminal else { return close(byProcess: false) }
            endIsPending = false
            queue.append(Terminal.endOfInput(descriptor, isMidLine: lastByte != UInt8(ascii: "\n")))
            lastByte = UInt8(ascii: "\n")
            return typeEndOfInput(descriptor)
        }
        return News()
    }

    /// The end-of-file character was not sent by the gateway and earns it no credit. A terminal too full to take it is given it once more later.
    private mutating func typeEndOfInput(_ descriptor: Descriptor) -> News {
        switch queue.write(to: descriptor) {
        case .count: break
        case .wouldBlock:
            isWritable = false
            _ = queue.removeAll()
            endIsPending = true
        case .failed: return close(byProcess: true)
        }
        return News()
    }

    /// Lets go of the pipe.
    mutating func close(byProcess: Bool) -> News {
        descriptor = nil
        endIsPending = false
        return News(credit: window.consume(queue.removeAll()), closedByProcess: byProcess)
    }
}
