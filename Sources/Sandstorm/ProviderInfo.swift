public import SandstormCore

/// A place that can run sandboxes, and how it is.
public struct ProviderInfo: Hashable, Sendable {
    /// The name that users write.
    public var id: ProviderID
    /// New sandboxes can be made.
    public var isHealthy: Bool
    /// How it is, for people.
    public var detail: String
    /// The isolation levels on offer, weakest first.
    public var isolation: [IsolationLevel]
    /// Languages whose toolchain the default image has; `nil` if the place can't say.
    public var languages: [Language]?
    /// The regions on offer; empty if the place has no notion of one.
    public var regions: [String]
    /// GPU types on offer.
    public var gpuTypes: [String]
    /// The form of the native API, with what this version does not know.
    public var json: JSONValue

    /// Reads a provider in the form of the native API; `nil` if it is none.
    init?(json: JSONValue) {
        guard let id = json["id"]?.stringValue else { return nil }
        func strings(_ key: String) -> [String]? { json[key]?.arrayValue?.compactMap(\.stringValue) }
        self.id = ProviderID(id)
        isHealthy = json["healthy"]?.boolValue ?? false
        detail = json["detail"]?.stringValue ?? ""
        isolation = (strings("isolation") ?? []).compactMap(IsolationLevel.init)
        languages = strings("languages")?.compactMap(Language.init(rawValue:))
        regions = strings("regions") ?? []
        gpuTypes = strings("gpuTypes") ?? []
        self.json = json
    }
}
