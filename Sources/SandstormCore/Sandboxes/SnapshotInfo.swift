#if canImport(FoundationEssentials)
public import FoundationEssentials
#else
public import Foundation
#endif

/// A kept copy of a sandbox.
public struct SnapshotInfo: Hashable, Sendable {
    /// The name by which all front ends find it again.
    public var id: SnapshotID
    /// The sandbox it was taken of.
    public var sandbox: SandboxID
    /// Where it is kept; sandboxes made from it are made there.
    public var provider: ProviderID
    /// What it keeps.
    public var kind: SnapshotKind
    /// The user's own name for it.
    public var name: String?
    /// When it was taken.
    public var createdAt: Date

    /// Takes what is known of it.
    public init(id: SnapshotID, sandbox: SandboxID, provider: ProviderID, kind: SnapshotKind, name: String? = nil, createdAt: Date) {
        self.id = id
        self.sandbox = sandbox
        self.provider = provider
        self.kind = kind
        self.name = name
        self.createdAt = createdAt
    }

    /// The snapshot in the form of the native API.
    public var json: JSONValue {
        var object: JSONObject = [
            "id": .string(id.rawValue), "sandboxId": .string(sandbox.rawValue), "provider": .string(provider.rawValue),
            "kind": .string(kind.rawValue), "createdAt": .string(createdAt.rfc3339),
        ]
        object["name"] = name.map(JSONValue.string)
        return .object(object)
    }

    /// Reads a snapshot in the form of the native API; `nil` if it is none.
    public init?(json: JSONValue) {
        guard let id = json["id"]?.stringValue.flatMap({ SnapshotID($0) }),
            let sandbox = json["sandboxId"]?.stringValue.flatMap({ SandboxID($0) }), let provider = json["provider"]?.stringValue,
            let kind = json["kind"]?.stringValue.flatMap(SnapshotKind.init)
        else { return nil }
        self.init(
            id: id, sandbox: sandbox, provider: ProviderID(provider), kind: kind, name: json["name"]?.stringValue,
            createdAt: json["createdAt"]?.stringValue.flatMap(Date.init(rfc3339:)) ?? .distantPast)
    }
}
