/// The chances of an offer, as of some moment.
struct StartupCurve: Sendable {
    /// By the end of each bin of ``TimeScale``: the chance that the code will start, but has not yet.
    var survival: [Float]
    /// The chance that it never starts.
    var failure: Float

    func quantile(_ share: Float) -> Float {
        let left = (1 - failure) * (1 - share)
        for bin in 0..<TimeScale.bins where survival[bin] <= left { return TimeScale.edges[bin] }
        return TimeScale.edges[TimeScale.bins - 1]
    }
}
