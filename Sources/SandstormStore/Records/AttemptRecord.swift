package import SandstormCore

#if canImport(FoundationEssentials)
package import FoundationEssentials
#else
package import Foundation
#endif

/// One try of a run on one offer, and its sandbox.
package struct AttemptRecord: Hashable, Sendable {
    package var id: AttemptID
    package var run: RunID
    /// From 1.
    package var number: Int
    package var sandbox: SandboxID
    /// With its price and resources, so that the attempt can be settled from the journal alone.
    package var offer: Offer
    /// When the provider was about to be asked.
    package var intendedAt: Date
    /// The provider's name for the sandbox, once it gave one.
    package var providerSandbox: ProviderSandboxID?
    /// When the provider said that the sandbox exists; billing starts here.
    package var createdAt: Date?
    /// When the user's code started; from here the run is not moved elsewhere by itself.
    package var startedAt: Date?
    /// When the sandbox was known to be gone; billing ends here.
    package var endedAt: Date?
    /// Until when the sandbox may live without being renewed.
    package var leaseUntil: Date
    /// What the attempt costs; final once the run is settled.
    package var charge: Money = .zero
    /// Why it ended without a result, for people; `nil` if it did its work.
    package var failure: String?

    package init(
        id: AttemptID, run: RunID, number: Int, sandbox: SandboxID, offer: Offer, intendedAt: Date, leaseUntil: Date
    ) {
        self.id = id
        self.run = run
        self.number = number
        self.sandbox = sandbox
        self.offer = offer
        self.intendedAt = intendedAt
        self.leaseUntil = leaseUntil
    }
}
