/// How strong the wall around a sandbox is; a stronger one satisfies a request for a weaker one.
public enum IsolationLevel: String, CaseIterable, Hashable, Sendable, Comparable {
    /// Namespaces, seccomp and no capabilities over a shared kernel.
    case standard
    /// A kernel of its own in user space (gVisor).
    case strong
    /// A virtual machine of its own.
    case maximum

    /// Orders from the weaker wall to the stronger.
    public static func < (left: IsolationLevel, right: IsolationLevel) -> Bool { left.rank < right.rank }

    private var rank: Int {
        switch self {
        case .standard: 0
        case .strong: 1
        case .maximum: 2
        }
    }
}
