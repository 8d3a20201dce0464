import Logging
import SandstormCore
import SandstormRouting

/// Asks every source of prices, each in its own time, until its task is cancelled.
struct PriceRefresher: Sendable {
    let prices: LivePrices
    let sources: [any PriceSource]
    let metrics: EngineMetrics
    let logger: Logger

    /// A source that failed is asked again after this, or after its interval if that is shorter.
    private static let patience = Duration.seconds(60)

    func run() async {
        await withDiscardingTaskGroup { group in
            for source in sources {
                group.addTask {
                    var lastFailure: PriceSourceFailure?
                    while !Task.isCancelled {
                        let outcome = await prices.refresh(from: source)
                        if Task.isCancelled { return }
                        report(outcome, of: source, after: &lastFailure)
                        let pause = lastFailure == nil ? source.interval : min(source.interval, PriceRefresher.patience)
                        // Many gateways that were started together are not to ask together for ever.
                        try? await Task.sleep(for: pause * Double.random(in: 0.9...1.1))
                    }
                }
            }
        }
    }

    /// Logs what is new: a change, a failure unlike the one before, an answer after a failure.
    private func report(_ outcome: LivePrices.Outcome, of source: any PriceSource, after last: inout PriceSourceFailure?) {
        metrics.refreshedPrices(source.layer, outcome)
        let facts: Logger.Metadata = ["price.source": "\(source.name)"]
        switch outcome {
        case .failed(let failure):
            if failure != last {
                logger.warning(
                    "Prices could not be refreshed and stay as they are",
                    metadata: facts.merging(["error.code": "\(failure.kind.rawValue)", "error": "\(failure)"]) { $1 })
            }
            last = failure
            return
        case .changed(let count):
            logger.notice("Prices have changed", metadata: facts.merging(["price.changes": "\(count)"]) { $1 })
        case .unchanged:
            if last != nil { logger.notice("Prices can be refreshed again", metadata: facts) }
        }
        last = nil
    }
}
