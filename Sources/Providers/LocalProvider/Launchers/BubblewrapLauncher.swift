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
        LaunchCommand(arguments: plan.confinement(agent: agent, as: plan.user) + bubblewrap(plan) + ["--"] + plan.program, fourth: filter)
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
}
#endif
