#if os(Linux)
import Glibc
import SandstormCore

extension LaunchPlan {
    /// What is done before the launcher starts, as a command that goes on with the launcher's.
    ///
    /// - Parameter account: whom it becomes; nil if it goes on as whoever the gateway is.
    func confinement(agent: String, as account: SandboxUser?) -> [String] {
        var words = [agent, "launch"]
        for file in group?.joinFiles ?? [] { words += ["--cgroup", file] }
        words += ["--rlimit", "core=0"]
        var files = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files) == 0 {
            words += ["--rlimit", "nofile=\(min(files.rlim_max, 65_536))"]
        }
        let enforced = group.map { Set($0.directories.keys) } ?? []
        if !enforced.contains(.memory) {
            // Writable private memory of each process; address space as a whole would stop runtimes that only reserve it.
            words += ["--rlimit", "data=\(limits.memoryBytes)"]
        }
        if !enforced.contains(.pids) {
            let others = user == nil ? Self.ownProcesses() : 0
            words += ["--rlimit", "nproc=\(limits.processes + others)"]
        }
        if case .joined(let userNamespace, let network) = network {
            // Root gets into any network namespace; others only through the user namespace that owns it.
            words += user == nil ? ["--join-user", userNamespace, "--join-network", network] : ["--join-network", network]
        }
        if let user = account { words += ["--uid", "\(user.id)", "--gid", "\(user.id)"] }
        words += ["--die-with-parent", "--"]
        if !enforced.contains(.cpu), let cores = Self.cores(for: limits), HostFile.exists("/usr/bin/taskset") {
            words += ["/usr/bin/taskset", "-c", cores]
        }
        return words
    }

    /// A user's limit on processes counts all of the user's.
    private static func ownProcesses() -> Int {
        let uid = getuid()
        return HostFile.names(in: "/proc").count { name in
            var info = stat()
            return Int32(name) != nil && stat("/proc/\(name)", &info) == 0 && info.st_uid == uid
        }
    }

    /// As many cores as the limit needs, rounded up, from those that we may use; nil if that is all of them.
    private static func cores(for limits: SandboxLimits) -> String? {
        guard let status = HostFile.text("/proc/self/status"),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("Cpus_allowed_list:") })
        else { return nil }
        let allowed = line.dropFirst("Cpus_allowed_list:".count).split(separator: ",").flatMap { part -> [Int] in
            let bounds = part.split(separator: "-").compactMap { Int($0.filter(\.isNumber)) }
            guard let first = bounds.first, let last = bounds.last, first <= last else { return [] }
            return Array(first...last)
        }
        let wanted = (limits.milliCPU + 999) / 1000
        guard wanted < allowed.count else { return nil }
        return allowed.shuffled().prefix(wanted).map(String.init).joined(separator: ",")
    }
}
#endif
