package import SandstormCore

/// What kind of work a run is, as far as its duration and its chances can be foreseen from that: tenant × language × requirements ×
/// resources.
///
/// Classes are nested. Where little is known of the narrow one, what is known of the wider ones is believed.
package struct WorkloadClass: Hashable, Sendable {
    /// The class and those around it, the narrowest first; stable across processes, so that they can be stored.
    package let levels: [UInt64]

    package init(tenant: String, spec: SandboxSpec) {
        var program = StableHash()
        program.add(spec.language?.rawValue ?? (spec.command == nil ? "" : "command"))
        var packages = program
        for requirement in spec.requirements.sorted() { packages.add(requirement) }
        packages.add(spec.image ?? "")
        var sized = packages
        let resources = spec.resources
        for size in [resources.milliCPU, resources.memoryMiB, resources.diskGiB, resources.gpu?.count ?? 0] { sized.add(size) }
        sized.add(resources.gpu?.type ?? "")
        var owned = sized
        owned.add(tenant)
        levels = [owned.value, sized.value, packages.value, program.value, WorkloadClass.everything]
    }

    /// The class of which nothing is known but that it is work.
    package static let unknown = WorkloadClass(levels: [everything])

    /// A class by names, the narrowest first, for models of work that have no spec.
    package init(named names: [String]) {
        self.init(
            levels: names.map { name in
                var hash = StableHash()
                hash.add(name)
                return hash.value
            } + [WorkloadClass.everything])
    }

    private init(levels: [UInt64]) { self.levels = levels }

    /// The widest class of all.
    package static let everything: UInt64 = 0
}
