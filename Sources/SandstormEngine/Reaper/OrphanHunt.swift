import Logging
import SandstormCore
import SandstormStore

/// Looks for the sandbox of an attempt whose create did not answer, and kills it.
struct OrphanHunt: Sendable {
    let attempt: AttemptRecord
    let provider: any SandboxProvider
    let gateway: GatewayID
    let logger: Logger

    enum Finding: Sendable {
        /// The provider knows no sandbox with this tag.
        case neverWas
        case killed(ProviderSandboxID)
        /// The provider did not say.
        case unknown
    }

    func carryOut() async -> Finding {
        for number in 0..<4 {
            do throws(ProviderError) {
                let records = try await provider.sandboxes(taggedBy: gateway)
                guard let record = records.first(where: { $0.tag.attempt == attempt.id }) else { return .neverWas }
                try await provider.destroy(record.id)
                return .killed(record.id)
            } catch {
                logger.warning("orphan not found out", metadata: ["attempt.id": "\(attempt.id)", "error": "\(error)"])
                try? await Task.sleep(for: .milliseconds(50 << number))
            }
        }
        return .unknown
    }
}
