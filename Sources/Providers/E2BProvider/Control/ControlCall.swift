/// What a call to the control plane is about, on which depends what a failure of it means.
enum ControlCall: Hashable, Sendable {
    /// A sandbox, from a template of ours, or from one that the caller named.
    case create(callersTemplate: Bool)
    case createFromSnapshot
    case template
    case snapshot
    /// Something about a sandbox by its id.
    case sandbox
    case list

    /// Whether what the vendor may have done without telling must be looked for.
    var makesSandbox: Bool {
        switch self {
        case .create, .createFromSnapshot: true
        default: false
        }
    }
}
