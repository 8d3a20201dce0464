public import SandstormCore

extension E2BProvider {
    /// What any of the accounts can do.
    public var capabilities: ProviderCapabilities {
        var all = places[0].account.capabilities
        for place in places.dropFirst() { all.widen(to: place.account.capabilities) }
        return all
    }

    /// A template that fits for each account, and one to be made to measure where that is smaller.
    public func offers(for spec: SandboxSpec) -> [Offer] {
        guard let price = price() else { return [] }
        return places.flatMap { place -> [Offer] in
            guard place.account.refusal(of: spec) == nil else { return [] }
            return TemplatePlan.plans(for: spec, at: place.account).map { plan in
                Offer(
                    id: "\(id)/\(place.account.name)/\(plan.label)", provider: id, account: place.account.name,
                    resources: Resources(milliCPU: plan.milliCPU, memoryMiB: plan.memoryMiB, diskGiB: place.account.limits.disk),
                    isolation: place.account.isolation, price: price, startLatency: E2BProvider.startLatency)
            }
        }
    }

    /// What is in the way at every account, in the words of the first.
    public func refusal(of spec: SandboxSpec) -> String? {
        if price() == nil { return "what E2B charges is not known; give it a price in the configuration" }
        let refusals = places.map { $0.account.refusal(of: spec) }
        return refusals.contains(nil) ? nil : refusals[0]
    }

    /// From the call to the first command, as measured by others on the vendor's cloud. The very first sandbox of a template that is made to
    /// measure takes as long as the template's build besides: that is learned, and forgotten, like any other slow start.
    private static let startLatency = Duration.milliseconds(380)

    /// The way to make a sandbox that an offer stands for, or the nearest if it is an old one.
    func plan(for spec: SandboxSpec, on offer: Offer) -> (Place, TemplatePlan)? {
        let able = places.filter { $0.account.refusal(of: spec) == nil }
        guard let place = able.first(where: { $0.account.name == offer.account }) ?? able.first else { return nil }
        let plans = TemplatePlan.plans(for: spec, at: place.account)
        guard let plan = plans.first(where: { offer.id == "\(id)/\(place.account.name)/\($0.label)" }) ?? plans.first else { return nil }
        return (place, plan)
    }
}

extension E2BAccount {
    var capabilities: ProviderCapabilities {
        var snapshots: Set<SnapshotKind> = has(.snapshots) ? [.filesystem] : []
        if has(.snapshots), has(.memorySnapshots) { snapshots.insert(.memory) }
        return ProviderCapabilities(
            languages: languages, isolation: [isolation],
            maximum: Resources(milliCPU: mostMilliCPU, memoryMiB: mostMemory, diskGiB: limits.disk), openNetwork: has(.openNetwork),
            networkAllowList: has(.allowList), networkDenyList: has(.denyList), networkChange: has(.networkChange),
            images: has(.images) && has(.templateBuilds), pause: has(.pause), snapshot: snapshots,
            fork: has(.fork) && has(.snapshots), ports: has(.ports), terminal: has(.terminal), usage: has(.usage),
            watch: has(.watch), users: has(.root) ? [SandboxSpec.root] : [], reattach: true, teardownTime: .seconds(5))
    }

    private var mostMilliCPU: Int {
        has(.templateBuilds) ? limits.cpu * 1000 : templates.map(\.milliCPU).max() ?? 0
    }

    private var mostMemory: Int {
        has(.templateBuilds) ? limits.memory : templates.map(\.memoryMiB).max() ?? 0
    }

    func refusal(of spec: SandboxSpec) -> String? {
        if let refusal = capabilities.refusal(of: spec) { return refusal }
        if spec.timeout > limits.lifetime {
            return
                "timeout \(spec.timeout.components.seconds) s: sandboxes of this account live at most \(limits.lifetime.components.seconds) s"
        }
        if TemplatePlan.plans(for: spec, at: self).isEmpty { return "no template of this account has so much CPU and memory" }
        return nil
    }
}

extension ProviderCapabilities {
    /// Adds what another account can do.
    fileprivate mutating func widen(to other: ProviderCapabilities) {
        if let mine = languages, let others = other.languages { languages = mine.union(others) } else { languages = nil }
        isolation.formUnion(other.isolation)
        maximum.milliCPU = max(maximum.milliCPU, other.maximum.milliCPU)
        maximum.memoryMiB = max(maximum.memoryMiB, other.maximum.memoryMiB)
        maximum.diskGiB = max(maximum.diskGiB, other.maximum.diskGiB)
        openNetwork = openNetwork || other.openNetwork
        networkAllowList = networkAllowList || other.networkAllowList
        networkDenyList = networkDenyList || other.networkDenyList
        networkChange = networkChange || other.networkChange
        images = images || other.images
        pause = pause || other.pause
        snapshot.formUnion(other.snapshot)
        fork = fork || other.fork
        ports = ports || other.ports
        terminal = terminal || other.terminal
        usage = usage || other.usage
        watch = watch || other.watch
        users.formUnion(other.users)
    }
}
