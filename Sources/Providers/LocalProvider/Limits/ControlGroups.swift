#if os(Linux)
import Glibc

/// Where the kernel lets us make control groups.
struct ControlGroups: Hashable, Sendable {
    enum Controller: String, CaseIterable, Sendable {
        case memory, pids, cpu, freezer
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

    /// The files into which a process writes to join.
    var joinFiles: [String] { distinct.map { "\($0)/cgroup.procs" } }

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

    /// How often the kernel has killed in the group because its memory was full.
    var outOfMemoryKills: Int {
        guard let directory = directories[.memory] else { return 0 }
        let text = HostFile.text(isUnified ? "\(directory)/memory.events" : "\(directory)/memory.oom_control")
        let line = text?.split(separator: "\n").first { $0.hasPrefix("oom_kill ") }
        return line.flatMap { Int($0.dropFirst("oom_kill ".count)) } ?? 0
    }

    var processes: Set<Int32> {
        Set(joinFiles.flatMap { (HostFile.text($0) ?? "").split(separator: "\n").compactMap { Int32($0) } })
    }

    /// Lets the kernel kill all at once, where it can: no fork is too fast for that.
    func killAtOnce() {
        if isUnified { for directory in distinct { try? HostFile.write("1", to: "\(directory)/cgroup.kill") } }
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
