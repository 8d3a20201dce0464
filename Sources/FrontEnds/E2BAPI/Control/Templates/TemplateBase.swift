import SandstormCore

/// What a sandbox is made from, whatever the client called it.
struct TemplateBase: Hashable, Sendable {
    /// The id that the control plane shows.
    var id: String
    /// The name by which it goes, if it has one.
    var alias: String?
    var image: String?
    var snapshot: SnapshotID?
    var cpu: Double
    /// MiB.
    var memory: Int
    /// GiB.
    var disk: Int
    var environment: [String: String] = [:]
    var user = "user"
    var workingDirectory: String?
    var startCommand: String?
    var readyCommand: String?
    /// The template that a tenant has made.
    var record: TemplateID?
}
