#if os(Linux)
import Glibc
import SandstormCore

/// Which isolation levels this machine gives, each tried by a run.
struct LauncherSurvey: Sendable {
    /// The launcher of each level, or why there is none.
    private(set) var launchers: [IsolationLevel: any Launcher] = [:]
    private(set) var obstacles: [IsolationLevel: String] = [:]
    /// Why the seccomp filter can't be made; nil if it can.
    private(set) var filterObstacle: String?
    /// Sandboxes in which code may be root.
    let root: RootSurvey

    private static let runtimes: [IsolationLevel: [String]] = [.strong: ["runsc"], .maximum: ["kata-runtime", "krun"]]

    /// Blocking.
    init(_ host: Host) {
        let filter = "\(host.shareDirectory)/seccomp-\(ContentName.of("\(SeccompPolicy.rules)"))"
        do throws(SystemError) {
            try SeccompFilter.compile(to: filter)
            // Opened by us, read by bubblewrap through a descriptor; each launch needs a file position of its own.
        } catch {
            filterObstacle = error.description
        }
        root = RootSurvey(host, filter: filterObstacle == nil ? filter : nil)
        for level in IsolationLevel.allCases {
            let result = filterObstacle.map { Result.failure(Obstacle(text: "no seccomp filter: \($0)")) } ?? Self.find(level, filter, host)
            switch result {
            case .success(let launcher): launchers[level] = launcher
            case .failure(let obstacle): obstacles[level] = obstacle.text
            }
        }
    }

    private struct Obstacle: Error {
        let text: String
    }

    private static func find(_ level: IsolationLevel, _ filter: String, _ host: Host) -> Result<any Launcher, Obstacle> {
        let named = host.configuration.runtimes[level]
        let candidates: [any Launcher]
        if level == .standard, named == nil {
            guard let program = path(of: "bwrap") else { return .failure(Obstacle(text: "bubblewrap is not installed")) }
            let help = output(of: [program, "--help"]) ?? ""
            guard help.contains("--as-pid-1"), help.contains("--size") else {
                return .failure(Obstacle(text: "this bubblewrap is too old: 0.5 has what is needed, 0.8 is better"))
            }
            candidates = [
                BubblewrapLauncher(
                    program: program, agent: host.agent, filter: filter, disablesUserNamespaces: help.contains("--disable-userns"))
            ]
        } else {
            guard geteuid() == 0 else { return .failure(Obstacle(text: "OCI runtimes are used by root only")) }
            let names = named.map { [$0] } ?? runtimes[level] ?? []
            candidates = names.compactMap(path(of:)).map {
                OCILauncher(program: $0, stateDirectory: "\(host.configuration.stateDirectory)/oci")
            }
            if candidates.isEmpty { return .failure(Obstacle(text: "\(names.joined(separator: ", ")): not installed")) }
        }
        var obstacle = Obstacle(text: "")
        for launcher in candidates {
            guard let reason = failure(of: launcher, host) else { return .success(launcher) }
            obstacle = Obstacle(text: "\(launcher.name) is installed but does not work: \(reason)")
        }
        return .failure(obstacle)
    }

    /// Lets the agent say its version in a sandbox.
    ///
    /// - Returns: why that did not work; nil if it did.
    private static func failure(of launcher: any Launcher, _ host: Host) -> String? {
        let id = "probe-\(UInt32.random(in: .min ... .max))"
        let directory = "\(host.configuration.stateDirectory)/\(id)"
        defer {
            if let runtime = launcher.runtime { _ = output(of: runtime + ["delete", "--force", id]) }
            HostFile.removeTree(directory)
        }
        do throws(SystemError) {
            try HostFile.makeDirectories(directory, mode: 0o711)
            let first = host.configuration.userIDs.lowerBound
            let user = host.slots == nil ? nil : SandboxUser(id: first, rootID: first + 1)
            let limits = SandboxLimits(Resources(milliCPU: 1000, memoryMiB: 256, diskGiB: 1), processes: 64)
            let root = host.rootFilesystem(
                base: host.system.entries(.none), storage: .memory(bytes: 1 << 20), hasMemoryGroup: false)
            let plan = LaunchPlan(
                id: id, directory: directory, root: root, network: .none, user: user, limits: limits, group: nil,
                program: [RootFilesystem.agent, "--version"])
            let command = try launcher.prepare(plan)
            let (text, status) = try run(command.arguments, fourth: command.fourth, within: host.configuration.launchDeadline)
            guard status == 0, text.contains("sandstorm-agent") else { return text.isEmpty ? "exit code \(status)" : text }
            return nil
        } catch {
            return error.description
        }
    }

    // MARK: Programs

    static func path(of program: String) -> String? {
        if program.hasPrefix("/") { return access(program, X_OK) == 0 ? program : nil }
        return ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"].map { "\($0)/\(program)" }
            .first { access($0, X_OK) == 0 }
    }

    private static func output(of arguments: [String]) -> String? { try? run(arguments, fourth: nil).text }

    /// Runs a program that says little and ends soon.
    static func run(
        _ arguments: [String], fourth: String?, within limit: Duration = .seconds(15)
    ) throws(SystemError) -> (text: String, status: Int32) {
        let (ours, theirs) = try Descriptor.socketPair()
        var descriptors = ChildProcess.Descriptors(output: theirs, error: theirs)
        if let fourth { descriptors.fourth = try Descriptor.open(fourth, O_RDONLY) }
        let child = try ChildProcess.spawn(arguments, descriptors)
        guard let status = child.reap(within: limit) else {
            child.kill()
            _ = child.reap(within: .seconds(1))
            throw SystemError(ETIMEDOUT, in: arguments[0])
        }
        let text = String(decoding: ours.readAvailable(limit: 65_536), as: UTF8.self)
        return (text.split(separator: "\n").joined(separator: "\n"), status)
    }
}
#endif
