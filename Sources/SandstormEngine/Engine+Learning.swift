import Logging
import SandstormCore
import SandstormRouting
package import SandstormStore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What routing has learned outlives the process.
extension Engine {
    /// What an earlier process has learned, to begin with; `nil` if there is nothing.
    package static func learned(in store: any Store) async -> [UInt8]? {
        // A gateway that can't read this can serve: it learns anew.
        try? await store.routingState() ?? nil
    }

    static func router(restoring learned: [UInt8]?, _ configuration: EngineConfiguration, _ logger: Logger) -> Router {
        // Gateways that begin together must not all take the same chances.
        let seed = UInt64.random(in: .min ... .max)
        if let learned {
            if let router = Router(restoring: learned, configuration.routing.router, seed: seed, at: WallClock().now) { return router }
            logger.warning("what routing had learned can't be read and is learned anew", metadata: ["bytes": "\(learned.count)"])
        }
        return Router(configuration.routing.router, seed: seed)
    }

    /// Keeps what is learned, now and then, until the task is cancelled.
    func keepLearning() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: configuration.learningInterval)
            if !Task.isCancelled { await keepLearned() }
        }
    }

    /// Asks after places that rest, now and then, until the task is cancelled.
    func watchHealth() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: configuration.healthInterval)
            if !Task.isCancelled { await desk.probeResting() }
        }
    }

    /// Keeps what was learned since it was last kept.
    func keepLearned() async {
        guard let router = desk.takeSnapshot() else { return }
        let learned = KeptLearning(router: router, pools: pools.learned)
        do throws(StoreError) {
            try await store.keep(routingState: learned.bytes, at: Date())
        } catch {
            desk.markDirty()
            logger.warning("what routing has learned was not kept", metadata: ["error": "\(error)"])
        }
    }
}
