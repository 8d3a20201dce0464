package import SandstormCore
package import SandstormRouting
package import SandstormStore

/// What a provider says of its own prices.
package struct ProviderRates: PriceSource {
    private let asked: any SandboxProvider
    package let interval: Duration
    /// How long it may take to answer.
    private let timeout: Duration

    package init(_ provider: any SandboxProvider, interval: Duration, timeout: Duration = .seconds(10)) {
        asked = provider
        self.interval = interval
        self.timeout = timeout
    }

    package var name: String { "rates of \(asked.id)" }
    package var layer: PriceLayer { .rates }
    package var provider: ProviderID? { asked.id }

    package func fetch(
        after last: PriceFeedRecord?, changing book: PriceBook, at now: Moment
    ) async throws(PriceSourceFailure) -> PriceUpdate? {
        let late = ProviderError(.timedOut, "no answer within \(timeout.display)")
        let rates: [ProviderRate]
        do throws(ProviderError) {
            rates = try await within(timeout, else: late) { [asked] () async throws(ProviderError) in try await asked.rates() }
        } catch {
            throw PriceSourceFailure(.unreachable, error.description)
        }
        guard !rates.isEmpty else { return nil }
        // Not dated where nothing has changed, so that what was told again is no change.
        let provenance = PriceProvenance("the provider's own rates call", certainty: .observed)
        do throws(InvalidRequest) {
            return PriceUpdate(
                documents: try book.documents(after: rates, of: asked.id, from: provenance), isComplete: false, reason: name)
        } catch {
            throw PriceSourceFailure(.malformed, "what it told is not in order: \(error)")
        }
    }
}
