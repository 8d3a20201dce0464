package import SandstormCore

/// Sandboxes of one shape that are made before anybody asks for them.
package struct WarmPool: Hashable, Sendable {
    /// What they are like. Only what shapes a sandbox counts: resources, image, root access, network, isolation, region and provider options.
    package var spec: SandboxSpec
    /// How many are kept ready.
    package var count: Int
    /// How long one may wait before it is replaced; providers are asked for sandboxes that live this long.
    package var life: Duration

    package init(spec: SandboxSpec = SandboxSpec(), count: Int, life: Duration = .seconds(3600)) {
        self.spec = spec
        self.count = max(0, count)
        self.life = life
    }

    /// What two specs must have in common so that a sandbox made for one serves the other.
    struct Shape: Hashable, Sendable {
        private let resources: Resources
        private let network: NetworkPolicy
        private let region: String?
        private let isolation: IsolationLevel
        private let rootAccess: Bool
        private let image: String?
        private let providerOptions: JSONObject

        init(_ spec: SandboxSpec) {
            resources = spec.resources
            network = spec.network
            region = spec.region
            isolation = spec.isolation
            rootAccess = spec.rootAccess
            image = spec.image
            providerOptions = spec.providerOptions
        }
    }

    /// The spec by which one is made: its shape and nothing that belongs to a caller.
    var bareSpec: SandboxSpec {
        var bare = SandboxSpec()
        bare.cpu = spec.cpu
        bare.memory = spec.memory
        bare.disk = spec.disk
        bare.gpu = spec.gpu
        bare.network = spec.network
        bare.region = spec.region
        bare.isolation = spec.isolation
        bare.rootAccess = spec.rootAccess
        bare.image = spec.image
        bare.providerOptions = spec.providerOptions
        bare.timeout = life
        return bare
    }
}
