import SandstormCore

/// How often and after what pauses a call is repeated. Each pause is drawn from the whole range below its bound, so that the
/// callers of a gateway that came back do not all come at once.
struct RetryPolicy: Sendable {
    /// Calls altogether, the first included.
    var attempts = 4
    /// The bound of the first pause; it doubles with each.
    var base = Duration.milliseconds(200)
    /// No pause is longer, unless the gateway asks for it.
    var longest = Duration.seconds(5)
    /// A gateway that asks for a longer pause than this is not waited for.
    var patience = Duration.seconds(30)

    /// The pause before the next call, or `nil` if there is to be none.
    ///
    /// - Parameters:
    ///   - attempt: calls so far.
    ///   - retryAfter: what the gateway asked for.
    ///   - random: from 0 to 1.
    func pause(after attempt: Int, retryAfter: Duration?, random: Double) -> Duration? {
        guard attempt < attempts else { return nil }
        let bound = min(base * (1 << min(attempt - 1, 10)), longest)
        let pause = bound * random
        guard let retryAfter else { return pause }
        return retryAfter > patience ? nil : retryAfter + pause
    }
}
