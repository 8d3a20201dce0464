#if os(Linux)
import Glibc
import SandstormCore

/// `bwrap`: namespaces, no capabilities, and the seccomp filter, over the shared kernel.
///
/// bubblewrap itself runs without privileges: the agent's `launch` mode joins the control groups and becomes the sandbox's own user first.
struct BubblewrapLauncher: Launcher {
    let name = "bubblewrap"
    let startLatency = Duration.milliseconds(20)
    let runtime: [String]? = nil
    let joinsNetworks = true

    let program: String
    /// The agent as the machine sees it.
    let agent: String
    /// The compiled seccomp filter.
    let filter: String
    /// It can forbid user namespaces inside (since 0.8).
    let disablesUserNamespaces: Bool

    func prepare(_ plan: LaunchPlan) throws(SystemError) -> LaunchCommand {
        LaunchCommand(arguments: confinement(plan) + bubblewrap(plan) + ["--"] + plan.program, fourth: filter)
    }

    /// What happens before bubblewrap starts.
    private func confinement(_ plan: LaunchPlan) -> [String] {
        var words = [agent, "launch"]
        for file in plan.group?.joinFiles ?? [] { words += ["--cgroup", file] }
        words += ["--rlimit", "core=0"]
        var files = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files) == 0 {
            words += ["--rlimit", "nofile=\(min(files.rlim_max, 65_536))"]
        }
        let enforced = plan.group.map { Set($0.directories.keys) } ?? []
        if !enforced.contains(.memory) {
            // Writable private memory of each process; address space as a whole would stop runtimes that only reserve it.
            words += ["--rlimit", "data=\(plan.limits.memoryBytes)"]
        }
        if !enforced.contains(.pids) {
            let others = plan.user == nil ? Self.ownProcesses() : 0
            words += ["--rlimit", "nproc=\(plan.limits.processes + others)"]
        }
        if case .joined(let userNamespace, let network) = plan.network {
            // Root gets into any network namespace; others only through the user namespace that owns it.
            words += plan.user == nil ? ["--join-user", userNamespace, "--join-network", network] : ["--join-network", network]
        }
        if let user = plan.user { words += ["--uid", "\(user.id)", "--gid", "\(user.id)"] }
        words += ["--die-with-parent", "--"]
        if !enforced.contains(.cpu), let cores = Self.cores(for: plan.limits), HostFile.exists("/usr/bin/taskset") {
            words += ["/usr/bin/taskset", "-c", cores]
        }
        return words
    }

    private func bubblewrap(_ plan: LaunchPlan) -> [String] {
        var words = [program, "--unshare-all", "--unshare-user"]
        if disablesUserNamespaces { words.append("--disable-userns") }
        if plan.network != .none { words.append("--share-net") }
        words += ["--die-with-parent", "--new-session", "--as-pid-1", "--cap-drop", "ALL"]
        words += ["--uid", "\(SandboxUser.insideID)", "--gid", "\(SandboxUser.insideID)", "--hostname", SystemFiles.hostname, "--clearenv"]
        for entry in plan.root.entries { words += Self.words(for: entry) }
        words += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", SandboxSpec.workspace, "--seccomp", "3"]
        return words
    }

    private static func words(for entry: RootFilesystem.Entry) -> [String] {
        switch entry {
        case .bind(let host, let path, let writable): [writable ? "--bind" : "--ro-bind", host, path]
        case .symbolicLink(let target, let path): ["--symlink", target, path]
        case .temporary(let path, let mode, let bytes):
            ["--perms", "0" + String(mode, radix: 8)] + (bytes.map { ["--size", "\($0)"] } ?? []) + ["--tmpfs", path]
        // Some of the kernel's settings belong to the sandbox's own namespaces and so to its user: they are not for him to change either.
        case .processes(let path): ["--proc", path, "--ro-bind", "/proc/sys", "\(path)/sys"]
        case .devices(let path): ["--dev", path]
        }
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
