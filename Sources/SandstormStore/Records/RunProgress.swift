package import SandstormCore

/// What has happened to a run since it was last written.
package struct RunProgress: Hashable, Sendable {
    /// The intent of an attempt, or what is now known of one.
    package var attempt: AttemptRecord?
    /// A state that is not final.
    package var state: RunState?
    /// Those that are kept already are passed over. A decision and a settlement are kept with their run.
    package var events: [RunEvent] = []

    package init(attempt: AttemptRecord? = nil, state: RunState? = nil, events: [RunEvent] = []) {
        self.attempt = attempt
        self.state = state
        self.events = events
    }

    package var isEmpty: Bool { attempt == nil && state == nil && events.isEmpty }
}
