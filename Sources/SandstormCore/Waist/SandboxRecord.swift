#if canImport(FoundationEssentials)
public import FoundationEssentials
#else
public import Foundation
#endif

/// A sandbox as its provider lists it.
public struct SandboxRecord: Hashable, Sendable {
    /// What ``SandboxProvider/attach(_:)`` takes.
    public var id: ProviderSandboxID
    /// What the gateway wrote on it when it was made.
    public var tag: SandboxTag
    /// When it was made, by the provider's clock.
    public var createdAt: Date

    /// Takes what the provider says, as it says it.
    public init(id: ProviderSandboxID, tag: SandboxTag, createdAt: Date) {
        self.id = id
        self.tag = tag
        self.createdAt = createdAt
    }
}
