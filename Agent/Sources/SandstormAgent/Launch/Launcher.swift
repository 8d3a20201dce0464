import CLinux
import Glibc

/// `launch`: confines itself, then becomes the program that makes the sandbox.
///
/// It runs outside of any sandbox and before any user's code. A step that fails ends it: a sandbox with less confinement than was asked for must
/// not come to be.
enum Launcher {
    private static let failureStatus: Int32 = 125

    static func run(_ arguments: ArraySlice<String>) -> Never {
        let parent = getppid()
        do throws(LaunchOptions.Mistake) {
            let options = try LaunchOptions(parsing: arguments)
            do throws(SystemError) {
                try confine(options, parent: parent)
                // Done here, without starting the same program again.
                if options.command.first == "contain" { Container.run(options.command.dropFirst()) }
                try execute(options.command)
            } catch {
                SandstormAgent.fail("launch: \(error)", status: failureStatus)
            }
        } catch {
            SandstormAgent.fail("launch: \(error.message)", status: failureStatus)
        }
    }

    /// The order matters: privileges are given up last, and giving them up clears the death signal.
    private static func confine(_ options: LaunchOptions, parent: pid_t) throws(SystemError) {
        for cgroup in options.cgroups {
            try write("0\n", to: cgroup, step: "cgroup")
        }
        if let adjustment = options.oomScoreAdjustment {
            try write("\(adjustment)\n", to: "/proc/self/oom_score_adj", step: "oom-score-adj")
        }
        for (name, limit, value) in options.limits {
            var pair = rlimit(rlim_cur: value, rlim_max: value)
            try check(setrlimit(limit.resource, &pair), "rlimit \(name)=\(value)")
        }
        if options.opensTun { try openTun() }
        // Whoever owns the namespace enters its user namespace first; root enters without, and keeps the machine's.
        if options.userNamespace == nil, let path = options.networkNamespace { try join(path, SANDSTORM_CLONE_NEWNET) }
        if options.uid != nil || options.gid != nil {
            try check(setgroups(0, nil), "setgroups")
        }
        if let gid = options.gid {
            try check(setresgid(gid, gid, gid), "setresgid \(gid)")
        }
        if let uid = options.uid {
            try check(setresuid(uid, uid, uid), "setresuid \(uid)")
        }
        if let path = options.userNamespace {
            try join(path, SANDSTORM_CLONE_NEWUSER)
            if let path = options.networkNamespace { try join(path, SANDSTORM_CLONE_NEWNET) }
        }
        if options.diesWithParent {
            try check(sandstorm_prctl(PR_SET_PDEATHSIG, UInt(SIGKILL)), "die-with-parent")
            // A parent that was gone before the line above sends no signal any more.
            guard getppid() == parent else { throw SystemError(ESRCH, in: "die-with-parent: the parent is gone") }
        }
    }

    private static func join(_ path: String, _ kind: Int32) throws(SystemError) {
        let namespace = try Descriptor.open(Array(path.utf8), O_RDONLY)
        try check(setns(namespace.number, kind), "join \(path)")
    }

    /// Distributions let every user make taps in network namespaces of theirs; a machine whose `/dev` is for root only keeps it so for others.
    private static func openTun() throws(SystemError) {
        try check(unshare(SANDSTORM_CLONE_NEWNS), "open-tun: unshare")
        try check(mount(nil, "/", nil, UInt(MS_REC | MS_PRIVATE), nil), "open-tun: private mounts")
        try check(mount("tmpfs", "/dev/net", "tmpfs", UInt(MS_NOSUID | MS_NOEXEC), "mode=755,size=4k"), "open-tun: mount")
        umask(0)
        try check(sandstorm_make_tun("/dev/net/tun"), "open-tun: mknod")
        umask(0o022)
    }

    /// Becomes the program. Its arguments are the tail of our own, passed on as the kernel gave them: as text they may have been repaired.
    private static func execute(_ command: [String]) throws(SystemError) -> Never {
        let arguments = CommandLine.unsafeArgv + (Int(CommandLine.argc) - command.count)
        if let program = arguments[0] {
            execv(program, arguments)
        }
        throw .current(in: "exec \(command.first ?? "")")
    }

    private static func write(_ text: String, to path: String, step: String) throws(SystemError) {
        do throws(SystemError) {
            let file = try Descriptor.open(Array(path.utf8), O_WRONLY)
            if case .failed(let code) = Array(text.utf8).withUnsafeBytes({ file.write($0) }) {
                throw SystemError(code, in: path)
            }
        } catch {
            throw SystemError(error.code, in: "\(step) \(path)")
        }
    }

    private static func check(_ result: Int32, _ step: String) throws(SystemError) {
        guard result == 0 else { throw .current(in: step) }
    }
}
