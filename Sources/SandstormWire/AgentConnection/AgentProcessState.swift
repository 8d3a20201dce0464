import NIOCore
import SandstormCore

/// One process as the session sees it.
struct AgentProcessState: Sendable {
    /// How it ended, for its consumer.
    enum End {
        case exited(ExitStatus)
        case failed(ProviderError)
    }

    /// Who waits for the start; nil once it is known.
    var starter: AgentWaiter<Int32>?
    /// The program's name, for messages.
    let program: String
    var input = AgentInputQueue()
    /// Nobody will read the events: output is dropped as it comes, and granted so that the process gets to its end.
    private(set) var isDiscarded = false
    /// Nobody will read the events: output is dropped and not granted.
    private(set) var isForgotten = false

    private var window = AgentReceiveWindow()
    private var output = AgentOutputQueue()
    private var pid: Int32?
    private var end: End?
    private var endIsTold = false
    private var consumer: AgentWaiter<ProcessEvent?>?

    init(starter: AgentWaiter<Int32>, program: String) {
        self.starter = starter
        self.program = program
    }

    /// The agent has closed the channel, or the channel is gone with its connection.
    var hasEnded: Bool { end != nil }
    /// It has ended, and nobody will ask how.
    var isUnwanted: Bool { hasEnded && (isDiscarded || isForgotten) }
    var hasConsumer: Bool { consumer != nil }
    mutating func start(pid: Int32) {
        starter = nil
        self.pid = pid
    }

    /// Takes output.
    ///
    /// - Returns: what to grant at once, for output that nobody waits for.
    mutating func receive(_ stream: AgentOutputQueue.Stream, _ bytes: ByteBuffer) throws(AgentProtocolError) -> UInt32? {
        try window.receive(bytes.readableBytes)
        if isForgotten { return nil }
        guard !isDiscarded else { return window.consume(bytes.readableBytes) }
        output.append(stream, bytes)
        return nil
    }

    mutating func finish(_ end: End) {
        if self.end == nil { self.end = end }
    }

    mutating func discard() {
        isDiscarded = true
        isForgotten = false
        output.removeAll()
    }

    mutating func forget() {
        isForgotten = !isDiscarded
        output.removeAll()
    }

    // MARK: The consumer

    /// Lets `waiter` wait for the next event.
    mutating func wait(_ waiter: AgentWaiter<ProcessEvent?>) { consumer = waiter }

    mutating func withdraw(_ waiter: AgentWaiter<ProcessEvent?>) {
        if consumer === waiter { consumer = nil }
    }

    /// Takes the consumer and what it waits for, if both are there, and what may be granted now.
    mutating func deliver() -> (AgentWaiter<ProcessEvent?>, Result<ProcessEvent?, ProviderError>, credit: UInt32?)? {
        guard let waiter = consumer, let (result, credit) = next() else { return nil }
        consumer = nil
        return (waiter, result, hasEnded ? nil : credit)
    }

    private mutating func next() -> (Result<ProcessEvent?, ProviderError>, credit: UInt32?)? {
        if let pid {
            self.pid = nil
            return (.success(.started(pid: pid)), nil)
        }
        if let (stream, bytes) = output.popFirst() {
            let credit = window.consume(bytes.readableBytes)
            return (.success(stream == .stdout ? .stdout(bytes) : .stderr(bytes)), credit)
        }
        guard let end else { return nil }
        defer { endIsTold = true }
        if endIsTold { return (.success(nil), nil) }
        switch end {
        case .exited(let status): return (.success(.exited(status)), nil)
        case .failed(let error): return (.failure(error), nil)
        }
    }
}
