/// One thing that local sandboxes promise, and how this machine keeps it.
package struct Guarantee: Hashable, Sendable {
    /// How well it is kept.
    package enum State: String, Hashable, Sendable {
        case ok
        /// By something weaker.
        case degraded
        case missing
    }

    /// Stable, for machines: `isolation.strong`, `limit.memory`, `language.go`.
    package var id: String
    /// For people: `memory limit`.
    package var title: String
    package var state: State
    /// What keeps it here, or why nothing does.
    package var mechanism: String
    /// The command, or the one thing to do, that would make it `ok`; nil if it is.
    package var remedy: String?

    package init(id: String, title: String, state: State, mechanism: String, remedy: String? = nil) {
        self.id = id
        self.title = title
        self.state = state
        self.mechanism = mechanism
        self.remedy = remedy
    }
}
