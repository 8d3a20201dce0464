/// What a place can honour.
public struct ProviderCapabilities: Hashable, Sendable {
    /// Languages whose toolchain the default image has; `nil` if the place can't say.
    public var languages: Set<Language>?
    /// The isolation levels on offer.
    public var isolation: Set<IsolationLevel>
    /// The regions on offer; empty if the place has no notion of one.
    public var regions: Set<String>
    /// GPU types on offer.
    public var gpuTypes: Set<String>
    /// The most of each resource that one sandbox can have.
    public var maximum: Resources
    /// Sandboxes may be allowed to reach the network.
    public var openNetwork: Bool
    /// What sandboxes may reach can be limited to a list of hosts.
    public var networkAllowList: Bool
    /// Parts of what sandboxes may reach can be denied to them.
    public var networkDenyList: Bool
    /// What a living sandbox may reach can be changed.
    public var networkChange: Bool
    /// A spec may name an image.
    public var images: Bool
    /// Sandboxes can be frozen and go on later.
    public var pause: Bool
    /// What a snapshot can keep; empty if there are none.
    public var snapshot: Set<SnapshotKind>
    /// A living sandbox can be doubled.
    public var fork: Bool
    /// A sandbox's ports can be reached from outside.
    public var ports: Bool
    /// Commands can have a terminal.
    public var terminal: Bool
    /// A sandbox tells what it uses.
    public var usage: Bool
    /// Directories can be watched.
    public var watch: Bool
    /// Users other than the usual one as whom commands may run and files be handled, by name. `root` in sandboxes whose spec asks for
    /// ``SandboxSpec/rootAccess``.
    public var users: Set<String>
    /// Sandboxes outlive the process that made them, and can be attached to from another.
    public var reattach: Bool
    /// How long a kill may take until the meter stops; kill deadlines are set earlier by this.
    public var teardownTime: Duration

    /// By default the least: standard isolation, no network, nothing optional.
    public init(
        languages: Set<Language>? = nil, isolation: Set<IsolationLevel> = [.standard], regions: Set<String> = [],
        gpuTypes: Set<String> = [], maximum: Resources, openNetwork: Bool = false, networkAllowList: Bool = false,
        networkDenyList: Bool = false, networkChange: Bool = false,
        images: Bool = false, pause: Bool = false, snapshot: Set<SnapshotKind> = [], fork: Bool = false, ports: Bool = false,
        terminal: Bool = false, usage: Bool = false, watch: Bool = false, users: Set<String> = [], reattach: Bool = false,
        teardownTime: Duration = .seconds(1)
    ) {
        self.languages = languages
        self.isolation = isolation
        self.regions = regions
        self.gpuTypes = gpuTypes
        self.maximum = maximum
        self.openNetwork = openNetwork
        self.networkAllowList = networkAllowList
        self.networkDenyList = networkDenyList
        self.networkChange = networkChange
        self.images = images
        self.pause = pause
        self.snapshot = snapshot
        self.fork = fork
        self.ports = ports
        self.terminal = terminal
        self.usage = usage
        self.watch = watch
        self.users = users
        self.reattach = reattach
        self.teardownTime = teardownTime
    }

    /// Why the place can't honour `spec`, everything that is missing and the nearest spec that would fit, in words for a user; `nil` if it
    /// can as far as is known.
    public func refusal(of spec: SandboxSpec) -> String? {
        let gaps = gaps(for: spec)
        guard !gaps.isEmpty else { return nil }
        let missing = gaps.map(\.missing).joined(separator: "; ")
        let remedies = gaps.compactMap(\.remedy)
        // Where one thing can't be mended, mending the others leads nowhere.
        return remedies.count == gaps.count ? missing + "; would fit with " + remedies.joined(separator: " and ") : missing
    }

    /// One thing that a spec asks for and a place does not have.
    struct Gap: Hashable, Sendable {
        var missing: String
        /// The nearest that there is; `nil` if nothing comes near.
        var remedy: String?
    }

    func gaps(for spec: SandboxSpec) -> [Gap] {
        var gaps: [Gap] = []
        func miss(_ missing: String, _ remedy: String?) { gaps.append(Gap(missing: missing, remedy: remedy)) }
        if !isolation.contains(where: { $0 >= spec.isolation }) {
            miss("isolation \(spec.isolation.rawValue): nothing here gives it", isolation.max().map { "isolation \($0.rawValue)" })
        }
        if let region = spec.region, !regions.contains(region) {
            miss("region \(region): not on offer", ProviderCapabilities.choice("region", regions) ?? "no region")
        }
        if let gpu = spec.gpu, !gpuTypes.contains(gpu.type) {
            miss("gpu \(gpu.type): not on offer", ProviderCapabilities.choice("gpu", gpuTypes) ?? "no gpu")
        }
        if spec.resources.milliCPU > maximum.milliCPU {
            let most = Resources.vCPUs(maximum.milliCPU)
            miss("cpu \(Resources.vCPUs(spec.resources.milliCPU)): at most \(most) here", "cpu ≤ \(most)")
        }
        if spec.memory > maximum.memoryMiB {
            miss("memory \(spec.memory) MiB: at most \(maximum.memoryMiB) here", "memory ≤ \(maximum.memoryMiB)")
        }
        if spec.disk > maximum.diskGiB {
            miss("disk \(spec.disk) GiB: at most \(maximum.diskGiB) here", "disk ≤ \(maximum.diskGiB)")
        }
        if spec.rootAccess, !users.contains(SandboxSpec.root) { miss("root access: nobody can be root inside here", "no root access") }
        if spec.image != nil, !images { miss("image: a spec can't name one here", "no image") }
        switch spec.network {
        case .none: break
        case .open: if !openNetwork { miss("network open: sandboxes have no network here", "network none") }
        case .deny:
            if !networkDenyList {
                miss("network deny-list: can't be enforced here", openNetwork ? "network open or none" : "network none")
            }
        case .allow:
            if !networkAllowList {
                miss("network allow-list: can't be enforced here", openNetwork ? "network open or none" : "network none")
            }
        }
        if let language = spec.language, let languages, !languages.contains(language), spec.image == nil {
            miss("language \(language.rawValue): no toolchain in this image", images ? "an image that has it" : nil)
        }
        return gaps
    }

    private static func choice(_ name: String, _ values: Set<String>) -> String? {
        values.isEmpty ? nil : name + " " + values.sorted().prefix(5).joined(separator: " or ")
    }
}

extension Resources {
    /// Thousandths of a vCPU for people: `2`, `0.5`.
    fileprivate static func vCPUs(_ milliCPU: Int) -> String {
        milliCPU % 1000 == 0 ? "\(milliCPU / 1000)" : "\(Double(milliCPU) / 1000)"
    }
}

/// How a place is.
public struct ProviderStatus: Hashable, Sendable {
    /// New sandboxes can be made.
    public var isHealthy: Bool
    /// For people.
    public var detail: String

    /// Takes a `detail` that people will see, healthy or not.
    public init(isHealthy: Bool, detail: String) {
        self.isHealthy = isHealthy
        self.detail = detail
    }
}
