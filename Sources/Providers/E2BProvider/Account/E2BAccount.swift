public import SandstormCore

/// One set of credentials at E2B, or at a place that speaks its dialect.
public struct E2BAccount: Hashable, Sendable {
    /// The operator's name for it; goes into offers and into sandboxes' names.
    public var name: String
    /// The team's API key. A secret.
    public var key: E2BKey
    /// The base of the control plane; `nil` for `https://api.<domain>`.
    public var apiURL: String?
    /// The base of all traffic to sandboxes, which are then told apart by header fields; `nil` for a host name for each of their ports.
    public var sandboxURL: String?
    /// What host names end in, with a port if it is not 443. What the control plane says of a sandbox counts before this.
    public var domain = "e2b.app"
    /// A file of certificates in PEM form that are trusted instead of the machine's own.
    public var trustedCertificates: String?
    /// The templates that exist, and their sizes. Sandboxes that fit none exactly get a template of their own, made from the first.
    public var templates = [E2BTemplate(name: "base", milliCPU: 2000, memoryMiB: 512)]
    /// What one sandbox may have.
    public var limits = E2BLimits()
    /// What this place can't do, although E2B can.
    public var lacks: Set<E2BFeature> = []
    /// Languages whose toolchains the templates have; `nil` if that is not known.
    public var languages: Set<Language>?
    /// The wall around a sandbox; E2B's are virtual machines.
    public var isolation = IsolationLevel.maximum
    var patience = E2BPatience()

    /// An account at E2B's own cloud.
    public init(name: String = "default", key: E2BKey) {
        self.name = name
        self.key = key
    }

    /// Without its last slashes.
    var controlPlane: String {
        E2BAccount.base(apiURL ?? "https://api.\(domain)")
    }

    static func base(_ url: String) -> String {
        var url = url
        while url.hasSuffix("/") { url.removeLast() }
        return url
    }

    func has(_ feature: E2BFeature) -> Bool { !lacks.contains(feature) }
}

/// An API key, which shows itself to nobody who does not ask for it by name.
public struct E2BKey: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    let secret: String

    /// Takes any text.
    public init(_ secret: String) { self.secret = secret }

    /// Never the key.
    public var description: String { "‹redacted›" }
    /// Never the key.
    public var debugDescription: String { description }
    /// Never the key.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// A template that exists, and what sandboxes made from it get.
public struct E2BTemplate: Hashable, Sendable {
    /// As the vendor knows it: a name, an id, `team/name`, each with a tag or without.
    public var name: String
    /// Thousandths of a vCPU.
    public var milliCPU: Int
    /// Memory in MiB.
    public var memoryMiB: Int

    /// What is known of a template.
    public init(name: String, milliCPU: Int, memoryMiB: Int) {
        self.name = name
        self.milliCPU = milliCPU
        self.memoryMiB = memoryMiB
    }
}

/// What one sandbox may have; set by the plan that is paid for.
public struct E2BLimits: Hashable, Sendable {
    /// The most vCPUs.
    public var cpu = 8
    /// The most memory in MiB.
    public var memory = 8192
    /// The least memory in MiB.
    public var leastMemory = 512
    /// The disk that each sandbox gets, in GiB.
    public var disk = 10
    /// How long a sandbox may run in one piece.
    public var lifetime = Duration.seconds(3600)

    /// Those of the free plan.
    public init() {}
}

/// Something that E2B can do, and that a place which speaks its dialect may not.
public enum E2BFeature: String, CaseIterable, Hashable, Sendable {
    case pause, snapshots, memorySnapshots, fork, ports, terminal, usage, watch, root, images, openNetwork, allowList, denyList,
        networkChange
    /// Templates can be built, so that a sandbox can have any size.
    case templateBuilds
    /// Requests to files may carry bytes as they are, rather than as forms.
    case octetStream
}

/// How long answers are waited for.
struct E2BPatience: Hashable, Sendable {
    /// The control plane: what the vendor's own clients allow.
    var control = Duration.seconds(60)
    /// Pauses and snapshots, for which memory is written out.
    var snapshot = Duration.seconds(180)
    /// Until envd begins to answer.
    var envd = Duration.seconds(30)
    /// How quiet a stream may be. envd says every 90 s that it lives, more often if it heeds that it is asked to.
    var silence = Duration.seconds(210)
    /// How quiet a file may be on its way.
    var transfer = Duration.seconds(60)
}
