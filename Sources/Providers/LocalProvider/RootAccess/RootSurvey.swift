#if os(Linux)
import Glibc
import SandstormCore

/// Whether this machine makes sandboxes in which code may be root, tried by a run.
struct RootSurvey: Sendable {
    /// nil if it makes none.
    private(set) var launcher: RootLauncher?
    /// Why it makes none.
    private(set) var obstacle: String?

    /// Why nothing can be merged, if that is so, by the agent that was tried: what worked once in this process is not tried again.
    private static let successes = Locked<[String: String?]>([:])

    /// Blocking.
    init(_ host: Host, filter: String?) {
        guard host.rootSlots != nil else {
            obstacle = "only root may give a sandbox more than one user"
            return
        }
        guard let filter else {
            obstacle = "there is no seccomp filter"
            return
        }
        if let reason = host.diskObstacle {
            obstacle = "files are kept in memory here (\(reason))"
            return
        }
        let trial = "\(host.agent.split(separator: "/").last ?? "") \(filter.split(separator: "/").last ?? "")"
        if let mergeObstacle = Self.successes.withLock({ $0[trial] }) {
            launcher = RootLauncher(agent: host.agent, filter: filter, mergeObstacle: mergeObstacle)
            return
        }
        // A kernel that can't merge can do the rest.
        var mergeObstacle: String?
        for isMerging in [true, false] {
            let launcher = RootLauncher(agent: host.agent, filter: filter, mergeObstacle: mergeObstacle)
            guard let reason = Self.failure(of: launcher, host) else {
                self.launcher = launcher
                obstacle = nil
                Self.successes.withLock { $0[trial] = .some(mergeObstacle) }
                return
            }
            if isMerging { mergeObstacle = reason }
            obstacle = reason
        }
    }

    /// Lets the agent say its version in a sandbox.
    ///
    /// - Returns: why that did not work; nil if it did.
    private static func failure(of launcher: RootLauncher, _ host: Host) -> String? {
        let directory = "\(host.configuration.stateDirectory)/probe-\(UInt32.random(in: .min ... .max))"
        let (image, point) = ("\(directory)/disk.ext4", "\(directory)/disk")
        defer { HostFile.removeTree(directory) }
        do throws(SystemError) {
            try HostFile.makeDirectories(point, mode: 0o700)
            try DiskImage.make(image, sizeGiB: 1, templatesIn: host.shareDirectory)
            let number = try DiskImage.mount(image, at: point)
            defer {
                Mount.unmount(point)
                LoopDevice.awaitDetached(number, from: image)
            }
            let merged = [SystemTree.Merged(path: "/usr", name: "usr")]
            for path in ["root/dev", "root/proc", "root/usr", "over/usr/upper", "over/usr/work"] {
                try HostFile.makeDirectories("\(point)/\(path)")
            }
            let user = RootAccess.owner(first: host.configuration.rootUserIDs.lowerBound)
            let limits = SandboxLimits(Resources(milliCPU: 1000, memoryMiB: 256, diskGiB: 1), processes: 64)
            let plan = LaunchPlan(
                id: "probe", directory: directory, root: RootFilesystem(), network: .none, user: user, limits: limits, group: nil,
                ownRoot: OwnRoot(disk: point, merged: merged), program: [RootFilesystem.agent, "--version"])
            let command = try launcher.prepare(plan)
            let (text, status) = try LauncherSurvey.run(
                command.arguments, fourth: command.fourth, within: host.configuration.launchDeadline)
            guard status == 0, text.contains("sandstorm-agent") else { return text.isEmpty ? "exit code \(status)" : text }
            return nil
        } catch {
            return error.description
        }
    }
}
#endif
