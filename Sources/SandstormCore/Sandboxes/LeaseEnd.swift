/// What becomes of a sandbox whose lease ends.
public enum LeaseEnd: String, CaseIterable, Hashable, Sendable {
    /// It is ended.
    case kill
    /// It is paused and kept, where its place can pause; else it is ended.
    case pause
}
