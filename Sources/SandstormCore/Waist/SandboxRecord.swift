#if canImport(FoundationEssentials)
public import FoundationEssentials
#else
public import Foundation
#endif

/// A sandbox as its provider lists it.
public struct SandboxRecord: Hashable, Sendable {
    public var id: ProviderSandboxID
    public var tag: SandboxTag
    public var createdAt: Date

    public init(id: ProviderSandboxID, tag: SandboxTag, createdAt: Date) {
        self.id = id
        self.tag = tag
        self.createdAt = createdAt
    }
}
