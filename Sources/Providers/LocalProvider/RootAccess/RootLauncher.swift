#if os(Linux)
import Glibc
import SandstormCore

/// The agent itself, in its `contain` mode: for sandboxes in which code may be root.
///
/// bubblewrap maps a single user and leaves no way to mount what root inside may change. Everything that it does for others the agent does here, and
/// in the same order: see `Container.swift` there.
struct RootLauncher: Launcher {
    let name = "sandstorm-agent"
    let startLatency = Duration.milliseconds(20)
    let runtime: [String]? = nil
    let joinsNetworks = true

    /// The agent as the machine sees it.
    let agent: String
    /// The compiled seccomp filter.
    let filter: String
    /// Why what is the machine's, `/usr` above all, can't be changed inside; nil if it can.
    let mergeObstacle: String?

    func prepare(_ plan: LaunchPlan) throws(SystemError) -> LaunchCommand {
        guard let user = plan.user, let root = plan.ownRoot else { throw SystemError(EINVAL, in: "a sandbox with root access") }
        var words = plan.confinement(agent: agent, as: nil)
        // The launch mode goes on by itself; behind another program the agent has to be named.
        if words.last != "--" { words.append(agent) }
        words += ["contain", "--ids", "\(user.rootID):\(RootAccess.idCount)", "--hostname", SystemFiles.hostname, "--disk", root.disk]
        if let image = root.image { words += ["--image", image] }
        for entry in root.merged {
            words += mergeObstacle == nil ? ["--merge", entry.path, entry.path, entry.name] : ["--bind", entry.path, entry.path]
        }
        for path in root.bound { words += ["--bind", path, path] }
        if let resolver = root.resolver { words += ["--resolver", resolver] }
        if let bytes = root.sharedMemory { words += ["--shared-memory", "\(bytes)"] }
        if plan.network == .none { words.append("--make-network") }
        let arguments = plan.program.dropFirst()
        return LaunchCommand(arguments: words + (arguments.isEmpty ? [] : ["--"] + arguments), fourth: filter)
    }
}
#endif
