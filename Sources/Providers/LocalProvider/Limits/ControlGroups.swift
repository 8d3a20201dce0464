#if os(Linux)
import Glibc

/// Where the kernel lets us make control groups.
struct ControlGroups: Hashable, Sendable {
    enum Controller: String, CaseIterable, Sendable {
        case memory, pids, cpu, freezer
        /// Measures what `cpu` limits. With cgroup v2 the one does both.
        case cpuacct
    }

    /// The subtree of ours in every hierarchy that we use.
    static let subtree = "sandstorm"

    /// The directory for each controller; with cgroup v2 it is the same for all.
    let directories: [Controller: String]
    let isUnified: Bool

    var enforces: Set<Controller> { Set(directories.keys) }

    /// The groups of one sandbox; nothing is made yet.
    func group(of id: String) -> ControlGroup {
        ControlGroup(directories: directories.mapValues { "\($0)/\(id)" }, isUnified: isUnified)
    }

    /// Removes a sandbox's empty groups from every hierarchy of the machine.
    static func removeStrays(of id: String) {
        for mount in Mount.all() where mount.type == "cgroup" || mount.type == "cgroup2" { rmdir("\(mount.point)/\(subtree)/\(id)") }
    }

    /// Why processes can't be frozen, found out with a group of nobody; nil if they can. Blocking.
    var freezeObstacle: String? {
        guard enforces.contains(.freezer) else { return "there is no freezer among the control groups" }
        let group = ControlGroup(
            directories: [.freezer: "\(directories[.freezer] ?? "")/probe-\(UInt32.random(in: .min ... .max))"], isUnified: isUnified)
        defer { group.remove() }
        do throws(SystemError) {
            for directory in group.directories.values where mkdir(directory, 0o755) != 0 { throw .current(in: "mkdir \(directory)") }
            try group.setFrozen(true)
            return group.isFrozen ? nil : "the freezer among the control groups does not freeze"
        } catch {
            return error.description
        }
    }

    /// Finds out, and makes the subtree.
    ///
    /// - Returns: nil if no controller can be used.
    static func find() -> ControlGroups? {
        let mounts = Mount.all()
        if let unified = mounts.first(where: { $0.type == "cgroup2" }), let groups = findUnified(unified.point) { return groups }
        var directories: [Controller: String] = [:]
        for mount in mounts where mount.type == "cgroup" {
            for controller in Controller.allCases where mount.options.contains(controller.rawValue) {
                let directory = "\(mount.point)/\(subtree)"
                guard (try? HostFile.makeDirectories(directory)) != nil, access(directory, W_OK) == 0 else { continue }
                directories[controller] = directory
            }
        }
        // All sandboxes together would weigh as much as one process of the machine's; so they weigh as much as one for each core.
        if let cpu = directories[.cpu] { try? HostFile.write("\(1024 * sysconf(Int32(_SC_NPROCESSORS_ONLN)))", to: "\(cpu)/cpu.shares") }
        return directories.isEmpty ? nil : ControlGroups(directories: directories, isUnified: false)
    }

    /// Root uses the top of the hierarchy, others what was delegated to them.
    private static func findUnified(_ root: String) -> ControlGroups? {
        let own = HostFile.text("/proc/self/cgroup")?.split(separator: "\n").first { $0.hasPrefix("0::") }?.dropFirst(3)
        let base = geteuid() == 0 ? root : root + (own.map { $0 == "/" ? "" : String($0) } ?? "")
        guard let available = HostFile.text("\(base)/cgroup.controllers")?.split(whereSeparator: \.isWhitespace).map(String.init),
            available.contains("memory")
        else { return nil }
        let wanted = [Controller.memory, .pids, .cpu].filter { available.contains($0.rawValue) }
        let enabling = wanted.map { "+\($0.rawValue)" }.joined(separator: " ")
        if (try? HostFile.write(enabling, to: "\(base)/cgroup.subtree_control")) == nil {
            // A group that hands controllers down may not have processes itself: move out of the way, as delegation has it.
            guard geteuid() != 0, (try? HostFile.makeDirectories("\(base)/gateway")) != nil,
                (try? HostFile.write("\(getpid())", to: "\(base)/gateway/cgroup.procs")) != nil,
                (try? HostFile.write(enabling, to: "\(base)/cgroup.subtree_control")) != nil
            else { return nil }
        }
        let directory = "\(base)/\(subtree)"
        guard (try? HostFile.makeDirectories(directory)) != nil,
            (try? HostFile.write(enabling, to: "\(directory)/cgroup.subtree_control")) != nil
        else { return nil }
        try? HostFile.write("\(min(10_000, 100 * sysconf(Int32(_SC_NPROCESSORS_ONLN))))", to: "\(directory)/cpu.weight")
        var directories = Dictionary(uniqueKeysWithValues: wanted.map { ($0, directory) })
        directories[.freezer] = directory
        return ControlGroups(directories: directories, isUnified: true)
    }
}

/// The control groups of one sandbox.
struct ControlGroup: Hashable, Sendable {
    let directories: [ControlGroups.Controller: String]
    let isUnified: Bool

    private var distinct: [String] { Set(directories.values).sorted() }

    /// The files into which a process of a single thread writes `0` to join.
    ///
    /// With cgroup v1 the thread joins rather than the process, which spares it a wait for all of the machine's cores (since Linux 6.0;
    /// 11 ms where it was measured, half of what a sandbox took).
    var joinFiles: [String] { distinct.map { isUnified ? "\($0)/cgroup.procs" : "\($0)/tasks" } }

    /// Makes the groups and sets the limits.
    func make(_ limits: SandboxLimits) throws(SystemError) {
        for directory in distinct {
            guard mkdir(directory, 0o755) == 0 || errno == EEXIST else { throw .current(in: "mkdir \(directory)") }
        }
        let (quota, period) = limits.cpuQuota
        if isUnified {
            try set(.memory, "memory.max", "\(limits.memoryBytes)")
            try set(.memory, "memory.swap.max", "0", ifPresent: true)
            try set(.pids, "pids.max", "\(limits.processes)")
            try set(.cpu, "cpu.max", "\(quota) \(period)")
        } else {
            try set(.memory, "memory.limit_in_bytes", "\(limits.memoryBytes)")
            // Memory and swap together: no swap.
            try set(.memory, "memory.memsw.limit_in_bytes", "\(limits.memoryBytes)", ifPresent: true)
            try set(.pids, "pids.max", "\(limits.processes)")
            try set(.cpu, "cpu.cfs_period_us", "\(period)")
            try set(.cpu, "cpu.cfs_quota_us", "\(quota)")
        }
    }

    private func set(_ controller: ControlGroups.Controller, _ file: String, _ value: String, ifPresent: Bool = false) throws(SystemError) {
        guard let directory = directories[controller], !ifPresent || HostFile.exists("\(directory)/\(file)") else { return }
        try HostFile.write(value, to: "\(directory)/\(file)")
    }

    var processes: Set<Int32> {
        Set(distinct.flatMap { (HostFile.text("\($0)/cgroup.procs") ?? "").split(separator: "\n").compactMap { Int32($0) } })
    }

    /// Lets the kernel kill all at once, where it can: no fork is too fast for that.
    func killAtOnce() {
        if isUnified { for directory in distinct { try? HostFile.write("1", to: "\(directory)/cgroup.kill") } }
    }

    /// Lets what is in it have all the CPU that sandboxes may have: to end takes a little of it, and on a machine where many compute, the share of
    /// one sandbox among all may be too small for that, or its quota used up.
    func hasten() {
        guard let directory = directories[.cpu] else { return }
        for (file, value) in isUnified
            ? [("cpu.max", "max"), ("cpu.weight", "10000")] : [("cpu.cfs_quota_us", "-1"), ("cpu.shares", "262144")]
        { try? HostFile.write(value, to: "\(directory)/\(file)") }
    }

    /// Removes the groups, once nothing is in them.
    func remove() {
        for directory in distinct {
            // Children are a runtime's own making.
            for name in HostFile.names(in: directory) where HostFile.isDirectory("\(directory)/\(name)") { rmdir("\(directory)/\(name)") }
            var tries = 0
            while rmdir(directory) != 0, errno == EBUSY, tries < 200 {
                usleep(1000)
                tries += 1
            }
        }
    }
}
#endif
