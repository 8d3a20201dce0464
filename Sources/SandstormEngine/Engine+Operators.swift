import SandstormCore
import SandstormStore

/// What operators ask.
extension Engine {
    /// Every provider and how it is.
    package func providers() async -> [ProviderReport] {
        await withTaskGroup(of: (Int, ProviderReport).self) { group in
            for (index, provider) in providers.enumerated() {
                group.addTask {
                    let late = ProviderError(.timedOut, "no answer within 5 s")
                    let status: ProviderStatus
                    do throws(ProviderError) {
                        status = try await within(.seconds(5), else: late) { () async throws(ProviderError) in try await provider.probe() }
                    } catch {
                        status = ProviderStatus(isHealthy: false, detail: error.description)
                    }
                    return (index, ProviderReport(id: provider.id, status: status, capabilities: provider.capabilities))
                }
            }
            var reports: [(Int, ProviderReport)] = []
            for await report in group { reports.append(report) }
            return reports.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    /// Whether the gateway is as it should be, with nothing left open by an earlier process, and if not, why.
    package func readiness() async -> (isReady: Bool, detail: String) {
        let (isAccepting, hasRecovered) = state.withLock { ($0.isAccepting, $0.hasRecovered) }
        guard isAccepting else { return (false, "the gateway is stopping") }
        guard hasRecovered else { return (false, "runs of an earlier process are being settled") }
        do throws(StoreError) { try await store.ping() } catch { return (false, error.description) }
        return (true, "ready")
    }
}
