/// How far a run has come.
public enum RunState: String, CaseIterable, Hashable, Sendable {
    /// Journaled; nothing has happened yet.
    case accepted
    /// A decision was made.
    case routed
    /// A sandbox is being made.
    case creating
    /// The code runs.
    case running
    /// The code ended by itself, with whatever exit code.
    case finished
    /// The code did not come to its end: refused, timed out, out of memory, or lost.
    case failed
    /// The caller went away or asked for the end.
    case cancelled

    /// Nothing follows but settling.
    public var isFinal: Bool { self == .finished || self == .failed || self == .cancelled }
}
