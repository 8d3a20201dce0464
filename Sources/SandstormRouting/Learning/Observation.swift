package import SandstormCore

/// What became of something that was tried on an offer.
package struct Observation: Sendable {
    package enum Event: Sendable {
        /// A sandbox was made, and the code started so long after the create began.
        case started(after: Duration)
        /// No sandbox, or the code did not start in it.
        case failed(ProviderError.Code, after: Duration, retryAfter: Duration? = nil)
        /// Another place was faster, or the caller went away: it had not started after so long.
        case abandoned(after: Duration)
        /// The code ended by itself after running so long.
        case finished(after: Duration)
        /// The sandbox died under the code after so long.
        case interrupted(after: Duration)
    }

    /// The index in the table.
    package var offer: Int
    package var workload: WorkloadClass
    package var event: Event

    package init(offer: Int, workload: WorkloadClass, _ event: Event) {
        self.offer = offer
        self.workload = workload
        self.event = event
    }
}
