import NIOCore
import SandstormCore

/// One stream of bytes as the session sees it: a file, a listing, an archive, a watch, a connection to a port.
struct AgentStreamState: Sendable {
    /// Who waits for it to begin; nil once that is known, or if it begins with our bytes.
    var opener: AgentWaiter<AgentFileEntry?>?
    /// Both ways end by themselves: the agent's `end` is not its last frame.
    let isDuplex: Bool
    var output = AgentInputQueue()
    /// The agent has sent its last frame, or we have sent ours.
    private(set) var isClosed = false

    private var window = AgentReceiveWindow()
    private var input = AgentOutputQueue()
    private var inputHasEnded = false
    private var failure: ProviderError?
    private var reader: AgentWaiter<ByteBuffer?>?
    private var finisher: AgentWaiter<Void>?

    init(opener: AgentWaiter<AgentFileEntry?>?, isDuplex: Bool) {
        self.opener = opener
        self.isDuplex = isDuplex
    }

    var hasReader: Bool { reader != nil }

    mutating func receive(_ bytes: ByteBuffer) throws(AgentProtocolError) {
        try window.receive(bytes.readableBytes)
        // The queue's two streams are of no use here.
        if !inputHasEnded { input.append(.stdout, bytes) }
    }

    mutating func endInput() { inputHasEnded = true }

    /// Notes the last frame.
    ///
    /// - Returns: whom it concerns, besides the reader.
    mutating func close(because failure: ProviderError?) -> (writers: [AgentWaiter<Void>], finisher: AgentWaiter<Void>?) {
        guard !isClosed else { return ([], nil) }
        isClosed = true
        inputHasEnded = true
        self.failure = failure
        defer { finisher = nil }
        return (output.close(), finisher)
    }

    // MARK: Those who wait

    mutating func wait(_ waiter: AgentWaiter<ByteBuffer?>) { reader = waiter }

    mutating func withdraw(_ waiter: AgentWaiter<ByteBuffer?>) {
        if reader === waiter { reader = nil }
    }

    mutating func awaitFinish(_ waiter: AgentWaiter<Void>) { finisher = waiter }

    /// What a writer is told that comes after the end.
    var endResult: Result<Void, ProviderError> { failure.map { .failure($0) } ?? .success(()) }

    /// Takes the reader and what it waits for, if both are there, and what may be granted now.
    mutating func deliver() -> (AgentWaiter<ByteBuffer?>, Result<ByteBuffer?, ProviderError>, credit: UInt32?)? {
        guard let waiter = reader else { return nil }
        if let (_, bytes) = input.popFirst() {
            reader = nil
            let credit = window.consume(bytes.readableBytes)
            return (waiter, .success(bytes), isClosed || inputHasEnded ? nil : credit)
        }
        guard inputHasEnded else { return nil }
        reader = nil
        return (waiter, failure.map { .failure($0) } ?? .success(nil), nil)
    }
}
