#if os(Linux)
import Glibc
import SandstormCore

/// A runtime of the OCI specification: `runc`, `runsc`, `krun`, …
///
/// Needs root. The runtime joins the control groups by itself; the same socket is the agent's standard input and output, since runtimes over a
/// virtual machine carry each separately.
struct OCILauncher: Launcher {
    let program: String
    /// The runtime's own state.
    let stateDirectory: String

    var name: String { program.split(separator: "/").last.map(String.init) ?? program }
    var startLatency: Duration { hasUserNamespaces ? .milliseconds(100) : .milliseconds(500) }
    var runtime: [String]? { [program, "--root", stateDirectory] }

    /// Whether the sandbox's user can be mapped. Inside a virtual machine there is nothing to map to; runsc makes a user namespace of its own
    /// for its kernel and does not start with one that maps single users (seen with release 20221219).
    private var hasUserNamespaces: Bool { ["runc", "crun", "youki"].contains(name) }
    /// Those with a kernel of their own copy a namespace's addresses and routes, and not what is refused there.
    var joinsNetworks: Bool { hasUserNamespaces }

    func prepare(_ plan: LaunchPlan) throws(SystemError) -> LaunchCommand {
        let root = "\(plan.directory)/rootfs"
        try HostFile.makeDirectories(root)
        for case .symbolicLink(let target, let path) in plan.root.entries {
            if let slash = path.lastIndex(of: "/"), slash > path.startIndex { try HostFile.makeDirectories(root + path[..<slash]) }
            guard symlink(target, root + path) == 0 || errno == EEXIST else { throw .current(in: "symlink \(path)") }
        }
        // The runtime makes the mount points, as what is root inside.
        if let user = plan.user, hasUserNamespaces, chown(root, user.rootID, user.rootID) != 0 { throw .current(in: "chown \(root)") }
        try HostFile.replace("\(plan.directory)/config.json", config(plan).encodedBytes, mode: 0o600)
        let flags = name == "runsc" ? ["--network=\(plan.network == .none ? "none" : "host")"] : []
        return LaunchCommand(
            arguments: [program, "--root", stateDirectory] + flags + ["run", "--bundle", plan.directory, plan.id], outputIsSocket: true)
    }

    private func config(_ plan: LaunchPlan) -> JSONValue {
        let uid = hasUserNamespaces || plan.user == nil ? SandboxUser.insideID : plan.user?.id ?? SandboxUser.insideID
        let arguments = plan.program == [RootFilesystem.agent] ? [RootFilesystem.agent, "--stdio"] : plan.program
        return [
            "ociVersion": "1.0.2",
            "process": [
                "terminal": false, "user": ["uid": .integer(uid), "gid": .integer(uid)], "args": .strings(arguments),
                "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], "cwd": .string(SandboxSpec.workspace),
                "capabilities": ["bounding": [], "effective": [], "permitted": [], "inheritable": [], "ambient": []],
                "noNewPrivileges": true,
            ],
            "root": ["path": "rootfs", "readonly": true],
            "hostname": .string(SystemFiles.hostname),
            "mounts": .array(plan.root.entries.flatMap(Self.mounts(for:))),
            "linux": .object(linux(plan)),
        ]
    }

    private func linux(_ plan: LaunchPlan) -> JSONObject {
        let (quota, period) = plan.limits.cpuQuota
        var namespaces = ["pid", "ipc", "uts", "mount", "cgroup"]
        if plan.network == .none { namespaces.append("network") }
        var linux: JSONObject = [
            "cgroupsPath": .string("/\(ControlGroups.subtree)/\(plan.id)"),
            "resources": [
                "devices": [["allow": false, "access": "rwm"]],
                "memory": ["limit": .integer(plan.limits.memoryBytes), "swap": .integer(plan.limits.memoryBytes)],
                "cpu": ["quota": .integer(quota), "period": .integer(period)],
                "pids": ["limit": .integer(plan.limits.processes)],
            ],
            "seccomp": SeccompPolicy.oci,
            "maskedPaths": .strings([
                "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
                "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
            ]),
            "readonlyPaths": .strings(["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]),
        ]
        if let user = plan.user, hasUserNamespaces {
            namespaces.append("user")
            let mappings: JSONValue = [
                ["containerID": 0, "hostID": .integer(user.rootID), "size": 1],
                ["containerID": .integer(SandboxUser.insideID), "hostID": .integer(user.id), "size": 1],
            ]
            linux["uidMappings"] = mappings
            linux["gidMappings"] = mappings
        }
        var entries: [JSONValue] = namespaces.map { ["type": .string($0)] }
        if case .joined(_, let path) = plan.network { entries.append(["type": "network", "path": .string(path)]) }
        linux["namespaces"] = .array(entries)
        return linux
    }

    private static func mounts(for entry: RootFilesystem.Entry) -> [JSONValue] {
        func mount(_ type: String, _ source: String, _ path: String, _ options: [String]) -> JSONValue {
            ["destination": .string(path), "type": .string(type), "source": .string(source), "options": .strings(options)]
        }
        switch entry {
        case .bind(let host, let path, let writable):
            return [mount("bind", host, path, ["rbind", writable ? "rw" : "ro", "nosuid", "nodev"] + (writable ? ["noatime"] : []))]
        case .symbolicLink:
            return []
        case .temporary(let path, let mode, let bytes):
            let size = bytes.map { ["size=\($0)"] } ?? []
            return [mount("tmpfs", "tmpfs", path, ["nosuid", "nodev", "mode=\(String(mode, radix: 8))"] + size)]
        case .processes(let path):
            return [mount("proc", "proc", path, ["nosuid", "noexec", "nodev"])]
        case .devices(let path):
            return [
                mount("tmpfs", "tmpfs", path, ["nosuid", "strictatime", "mode=755", "size=65536k"]),
                mount("devpts", "devpts", "\(path)/pts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]),
            ]
        }
    }
}
#endif
