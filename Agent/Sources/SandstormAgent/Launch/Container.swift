import CLinux
import Glibc

/// `contain`: makes a sandbox in which code may be root, and becomes its agent.
///
/// It begins as root of the machine, before any code of the sandbox's, and does what needs that: mounts and namespaces, which stay the machine's. So root
/// inside has no rights over them even by name. Then, in a process of its own, it enters a user namespace in which root is one of the sandbox's own
/// ids, keeps the few capabilities that root inside is to have, and loads the filter.
///
/// No `no_new_privs`, unlike in other sandboxes: set-uid programs work, and lead to root inside and its capabilities, no further.
enum Container {
    private static let failureStatus: Int32 = 125
    private static let filterDescriptor: Int32 = 3
    private static let largestFilter = 64 * 1024

    /// CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, NET_BIND_SERVICE: over the sandbox's own files and processes.
    private static let capabilities: Set<UInt> = [0, 1, 3, 4, 5, 6, 7, 10]

    static func run(_ arguments: ArraySlice<String>) -> Never {
        let parent = getppid()
        do throws(LaunchOptions.Mistake) {
            let options = try ContainerOptions(parsing: arguments)
            do throws(SystemError) {
                try contain(options, parent: parent)
            } catch {
                SandstormAgent.fail("contain: \(error)", status: failureStatus)
            }
        } catch {
            SandstormAgent.fail("contain: \(error.message)", status: failureStatus)
        }
    }

    private static func contain(_ options: ContainerOptions, parent: pid_t) throws(SystemError) -> Never {
        let agent = try Descriptor.open(Array("/proc/self/exe".utf8), O_RDONLY)
        let filter = try readFilter()
        let namespace = try makeUserNamespace(options)
        var flags = SANDSTORM_CLONE_NEWNS | SANDSTORM_CLONE_NEWPID | SANDSTORM_CLONE_NEWIPC | SANDSTORM_CLONE_NEWUTS
        flags |= SANDSTORM_CLONE_NEWCGROUP | (options.makesNetwork ? SANDSTORM_CLONE_NEWNET : 0)
        let pid = sandstorm_clone(UInt(flags))
        guard pid >= 0 else { throw .current(in: "clone") }
        if pid == 0 { try become(agent, options, namespace, filter) }
        watch(pid, options, parent: parent)
    }

    // MARK: Outside

    /// A user namespace with the sandbox's ids: that of a process made for it, which ends at once.
    private static func makeUserNamespace(_ options: ContainerOptions) throws(SystemError) -> Descriptor {
        let (readEnd, writeEnd) = try Descriptor.pipe()
        let pid = sandstorm_namespace_holder(readEnd.number, writeEnd.number)
        guard pid > 0 else { throw .current(in: "user namespace") }
        defer {
            _ = kill(pid, SIGKILL)
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        }
        let map = "0 \(options.firstID) \(options.idCount)"
        for name in ["uid_map", "gid_map"] { try write(map, to: "/proc/\(pid)/\(name)") }
        let namespace = try Descriptor.open(Array("/proc/\(pid)/ns/user".utf8), O_RDONLY)
        return withExtendedLifetime(writeEnd) { namespace }
    }

    /// Waits for the sandbox's first process and ends as it has ended.
    ///
    /// Without rights: as the same user, so that its own death, of which the kernel tells the first process in its name, is heard.
    private static func watch(_ pid: pid_t, _ options: ContainerOptions, parent: pid_t) -> Never {
        for number in 0...filterDescriptor { close(number) }
        let (id, all) = (options.firstID, UInt(SIGKILL))
        guard chdir("/") == 0, setgroups(0, nil) == 0, setresgid(id, id, id) == 0, setresuid(id, id, id) == 0,
            sandstorm_prctl(PR_SET_PDEATHSIG, all) == 0, getppid() == parent
        else {
            _ = kill(pid, SIGKILL)
            _exit(failureStatus)
        }
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        let signal = status & 0x7f
        _exit(signal == 0 ? status >> 8 & 0xff : 128 + signal)
    }

    // MARK: Inside

    private static func become(
        _ agent: Descriptor, _ options: ContainerOptions, _ namespace: Descriptor, _ filter: [UInt8]
    ) throws(SystemError) -> Never {
        try check(sandstorm_prctl(PR_SET_PDEATHSIG, UInt(SIGKILL)), "death signal")
        try check(mount(nil, "/", nil, UInt(MS_REC | MS_SLAVE), nil), "propagation")
        try setUpNetwork(options)
        try check(sandstorm_sethostname(options.hostname, options.hostname.utf8.count), "hostname")
        let root = try ContainerRoot(options, namespace)
        try root.enter()

        try check(setns(namespace.number, SANDSTORM_CLONE_NEWUSER), "enter the user namespace")
        try check(setgroups(0, nil), "setgroups")
        try check(setresgid(0, 0, 0), "setresgid")
        try check(setresuid(0, 0, 0), "setresuid")
        // Whoever made another namespace would be almighty in it.
        try write("0", to: root.openSetting("user/max_user_namespaces"), "max_user_namespaces")
        umask(0o022)
        root.furnish()
        try check(chdir(access("/workspace", X_OK) == 0 ? "/workspace" : "/"), "chdir")
        try check(setsid() < 0 ? -1 : 0, "setsid")

        for capability in UInt(0)..<64 where !capabilities.contains(capability) {
            let result = sandstorm_drop_bounding(capability)
            if result == 1 { break }
            try check(result, "bounding set")
        }
        // While the right to do so is still there.
        let isLoaded = filter.withUnsafeBytes { sandstorm_filter($0.baseAddress, $0.count / 8) }
        try check(isLoaded, "seccomp")
        try check(sandstorm_set_capabilities(capabilities.reduce(UInt64(0)) { $0 | 1 << UInt64($1) }), "capabilities")
        // The changes of user have cleared it.
        try check(sandstorm_prctl(PR_SET_PDEATHSIG, UInt(SIGKILL)), "death signal")
        close(filterDescriptor)
        let arguments = CStringArray((["sandstorm-agent"] + options.arguments).map { Array($0.utf8) })
        let environment = CStringArray([])
        arguments.withPointers { arguments in
            environment.withPointers { _ = sandstorm_execute(agent.number, arguments, $0) }
        }
        throw .current(in: "exec")
    }

    private static func setUpNetwork(_ options: ContainerOptions) throws(SystemError) {
        if options.makesNetwork {
            let number = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            guard number >= 0 else { throw .current(in: "socket") }
            let any = Descriptor(owning: number)
            try withExtendedLifetime(any) { () throws(SystemError) in try check(sandstorm_link_up(number, "lo"), "lo") }
        }
        // The namespace is the machine's, in which root inside counts as nobody.
        try write("0", to: "/proc/sys/net/ipv4/ip_unprivileged_port_start")
    }

    private static func readFilter() throws(SystemError) -> [UInt8] {
        var filter = [UInt8](repeating: 0, count: largestFilter)
        let count = filter.withUnsafeMutableBytes { read(filterDescriptor, $0.baseAddress, $0.count) }
        guard count > 0, count < largestFilter, count % 8 == 0 else { throw SystemError(count < 0 ? errno : EINVAL, in: "filter") }
        return Array(filter[..<count])
    }

    private static func write(_ text: String, to path: String) throws(SystemError) {
        try write(text, to: Descriptor.open(Array(path.utf8), O_WRONLY), path)
    }

    private static func write(_ text: String, to file: Descriptor, _ step: String) throws(SystemError) {
        if case .failed(let code) = Array(text.utf8).withUnsafeBytes({ file.write($0) }) { throw SystemError(code, in: step) }
    }

    private static func check(_ result: Int32, _ step: String) throws(SystemError) {
        guard result == 0 else { throw .current(in: step) }
    }
}
