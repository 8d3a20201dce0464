/// How long and how much the kit may take of a place.
///
/// Cases assume nothing about speed that is tighter than this; a place that answers in 300 ms is as good as one that answers in 1 ms.
public struct ConformanceBudget: Hashable, Sendable {
    /// For one case from its first call to its last; the wait for its turn does not count.
    public var perCase: Duration
    /// For what happens a little later than it was asked for: a killed sandbox that is still listed, a file's change that is told.
    public var settling: Duration
    /// How many cases run at once, each in a sandbox of its own or more.
    public var parallelism: Int
    /// How many sandboxes the case about many of them makes at once.
    public var sandboxesAtOnce: Int
    /// The size of the large outputs and files, in bytes.
    public var largeTransfer: Int
    /// How much a place and the way to it may hold of an output that nobody reads, in bytes.
    public var unreadOutput: Int

    /// By default patient, with transfers of 100 MiB.
    public init(
        perCase: Duration = .seconds(240), settling: Duration = .seconds(30), parallelism: Int = 4, sandboxesAtOnce: Int = 8,
        largeTransfer: Int = 100 << 20, unreadOutput: Int = 64 << 20
    ) {
        self.perCase = perCase
        self.settling = settling
        self.parallelism = parallelism
        self.sandboxesAtOnce = sandboxesAtOnce
        self.largeTransfer = largeTransfer
        self.unreadOutput = unreadOutput
    }
}
