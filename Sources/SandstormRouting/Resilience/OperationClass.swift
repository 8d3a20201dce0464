/// The kinds of calls to a provider, which fail apart from each other: a place may start nothing new and yet serve what lives.
package enum OperationClass: Int, CaseIterable, Hashable, Sendable {
    /// Making a sandbox.
    case create
    /// Running something in a sandbox, and its files.
    case exec
    /// Everything else: listing, killing, probing.
    case control

    package var name: String {
        switch self {
        case .create: "create"
        case .exec: "exec"
        case .control: "control"
        }
    }
}
