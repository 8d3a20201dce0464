#if os(Linux)
import Glibc
import SandstormCore

/// Gives sandboxes a network of their own: `slirp4netns`, which turns what comes out of a sandbox's tap into sockets of its own.
///
/// For each sandbox two processes, both as the sandbox's user and in its control groups: the holder (the agent's `network` mode) makes the
/// namespaces, the tap and the routes, and leaves once others have joined; the translator stays. It sees hostile packets, so it is confined
/// itself: no privileges, an empty file system, a system call filter, nothing of the machine's but its network.
struct NetworkTranslator: Sendable {
    static let address = "10.0.2.100"
    static let gateway = "10.0.2.2"
    static let resolver = "10.0.2.3"

    let program: String
    let agent: String
    /// `/dev/net/tun` is for root only: sandboxes' users get one of their own.
    let opensTun: Bool
    let exceptions: [IPv4Range]

    /// - Throws: with the obstacle and its remedy as the message.
    init(_ host: Host) throws(ProviderError) {
        let configuration = host.configuration
        var exceptions: [IPv4Range] = []
        for text in configuration.allowedPrivateNetworks {
            guard let range = IPv4Range(text) else {
                throw .unsupported("allowedPrivateNetworks: \(text) is no IPv4 network such as 10.1.0.0/16")
            }
            exceptions.append(range)
        }
        self.exceptions = exceptions
        guard let program = LauncherSurvey.path(of: "slirp4netns") else {
            throw .unsupported("slirp4netns is not installed (apt-get install -y slirp4netns)")
        }
        self.program = program
        agent = host.agent
        var info = stat()
        guard stat("/dev/net/tun", &info) == 0 else { throw .unsupported("there is no /dev/net/tun (modprobe tun)") }
        opensTun = geteuid() == 0 && info.st_mode & 0o006 != 0o006
        try tryOnce(host)
    }

    private func tryOnce(_ host: Host) throws(ProviderError) {
        let user = host.slots.map { _ in
            SandboxUser(id: host.configuration.userIDs.lowerBound, rootID: host.configuration.userIDs.lowerBound + 1)
        }
        do throws(SystemError) {
            let open = NetworkRoutes(openBut: Self.machineAddresses(), exceptions: exceptions)
            let holder = try hold(open, resolvesNames: true, user: user, group: nil)
            defer { holder.process.end() }
            let limit = host.configuration.launchDeadline
            let namespaces = try holder.awaitNamespaces(within: limit)
            let translation = try translate(namespaces, resolvesNames: true, user: user, group: nil)
            defer { translation.process.end() }
            try translation.awaitReady(within: limit)
        } catch {
            throw .unsupported("slirp4netns is installed but does not work: \(error)")
        }
    }

    /// Where a sandbox may go, as the machine's addresses are now.
    ///
    /// - Throws: `unsupported` for what can't be enforced.
    func routes(_ policy: NetworkPolicy) throws(ProviderError) -> NetworkRoutes {
        let machine = Self.machineAddresses()
        switch policy {
        case .none: return .nowhere
        case .open: return NetworkRoutes(openBut: machine, exceptions: exceptions)
        case .allow(let list): return try NetworkRoutes(only: list, machine: machine, exceptions: exceptions)
        case .deny(let denied, let list):
            return try NetworkRoutes(openBut: denied, allowing: list, machine: machine, exceptions: exceptions)
        }
    }

    /// Changes where a sandbox may go that has a network. All that was open is shut before anything is opened.
    ///
    /// - Parameters:
    ///   - resolvesNames: the machine's resolver is to answer; it can't where it did not from the start.
    ///   - userNamespace: that owns the network; nil if the gateway is root, who needs none.
    func change(
        to routes: NetworkRoutes, resolvesNames: Bool, in network: String, userNamespace: String?, within limit: Duration
    ) throws(SystemError) {
        let (ours, theirs) = try Descriptor.socketPair()
        let join = (userNamespace.map { ["--join-user", $0] } ?? []) + ["--join-network", network]
        let arguments =
            [agent, "launch"] + join + ["--die-with-parent", "--", agent, "network", "--change", "yes"]
            + ["--address", Self.address, "--gateway", Self.gateway] + (resolvesNames ? ["--resolver", Self.resolver] : [])
            + routes.arguments
        let process = try ChildProcess.spawn(arguments, .init(output: theirs, error: theirs))
        guard let status = process.reap(within: limit) else {
            process.end()
            throw SystemError(ETIMEDOUT, in: "change of routes")
        }
        guard status != 0 else { return }
        let said = String(decoding: ours.readAvailable(limit: 4096), as: UTF8.self)
        throw SystemError(EIO, in: "change of routes: \(said.split(separator: "\n").joined(separator: "; "))")
    }

    /// Starts the holder.
    ///
    /// - Parameter resolvesNames: the machine's resolver is to answer at ``resolver``.
    func hold(
        _ routes: NetworkRoutes, resolvesNames: Bool, user: SandboxUser?, group: ControlGroup?
    ) throws(SystemError) -> Holder {
        let (ours, theirs) = try Descriptor.socketPair()
        let (complaints, standardError) = try Descriptor.socketPair()
        let arguments =
            confinement(user, group, []) + [agent, "network", "--address", Self.address, "--gateway", Self.gateway]
            + (resolvesNames ? ["--resolver", Self.resolver] : []) + routes.arguments
        let process = try ChildProcess.spawn(arguments, .init(input: theirs, output: theirs, error: standardError))
        return Holder(process: process, socket: ours, complaints: complaints)
    }

    /// Starts the translator for namespaces that are held.
    ///
    func translate(
        _ namespaces: Namespaces, resolvesNames: Bool, user: SandboxUser?, group: ControlGroup?
    ) throws(SystemError) -> Translation {
        let (ours, theirs) = try Descriptor.socketPair()
        let (complaints, standardError) = try Descriptor.socketPair()
        // What it says later is nobody's business, and must not stop it.
        standardError.makeNonBlocking()
        let options =
            ["--disable-host-loopback", "--enable-sandbox", "--enable-seccomp", "--mtu=65520", "--ready-fd=3", "--netns-type=path"]
            + (resolvesNames ? [] : ["--disable-dns"])
        let arguments =
            confinement(user, group, ["--rlimit", "nofile=4096", "--join-user", namespaces.user]) + [program] + options
            + [namespaces.network, "tap0"]
        let process = try ChildProcess.spawn(arguments, .init(output: standardError, error: standardError, fourth: theirs))
        return Translation(process: process, socket: ours, complaints: complaints)
    }

    private func confinement(_ user: SandboxUser?, _ group: ControlGroup?, _ more: [String]) -> [String] {
        var words = [agent, "launch"]
        for file in group?.joinFiles ?? [] { words += ["--cgroup", file] }
        words += ["--rlimit", "core=0"] + more
        if opensTun { words.append("--open-tun") }
        if let user { words += ["--uid", "\(user.id)", "--gid", "\(user.id)"] }
        return words + ["--die-with-parent", "--"]
    }

    /// The machine's own IPv4 addresses.
    private static func machineAddresses() -> [IPv4Range] {
        var first: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&first) == 0 else { return [] }
        defer { freeifaddrs(first) }
        var addresses: Set<IPv4Range> = []
        var next = first
        while let entry = next?.pointee {
            next = entry.ifa_next
            guard let address = entry.ifa_addr, address.pointee.sa_family == sa_family_t(AF_INET) else { continue }
            let number = address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { UInt32(bigEndian: $0.pointee.sin_addr.s_addr) }
            addresses.insert(IPv4Range(number))
        }
        return addresses.sorted { $0.network < $1.network }
    }
}

extension NetworkTranslator {
    /// The files of a sandbox's namespaces, as long as the holder lives.
    struct Namespaces: Hashable, Sendable {
        var user: String
        var network: String
    }

    /// The process that has made the namespaces, until it is told to leave.
    struct Holder: Sendable {
        let process: ChildProcess
        fileprivate let socket: Descriptor
        let complaints: Descriptor

        func awaitNamespaces(within limit: Duration) throws(SystemError) -> Namespaces {
            try NetworkTranslator.awaitByte(socket, complaints, within: limit, "the network namespace")
            return Namespaces(user: "/proc/\(process.pid)/ns/user", network: "/proc/\(process.pid)/ns/net")
        }

        /// Ends it: whoever needs the namespaces has joined them.
        func leave() {
            shutdown(socket.number, Int32(SHUT_RDWR))
            if process.reap(within: .seconds(2)) == nil { process.end() }
        }
    }

    /// The process that carries a sandbox's packets.
    struct Translation: Sendable {
        let process: ChildProcess
        fileprivate let socket: Descriptor
        let complaints: Descriptor

        func awaitReady(within limit: Duration) throws(SystemError) {
            try NetworkTranslator.awaitByte(socket, complaints, within: limit, "slirp4netns")
        }
    }

    private static func awaitByte(
        _ socket: Descriptor, _ complaints: Descriptor, within limit: Duration, _ step: String
    ) throws(SystemError) {
        var entry = pollfd(fd: socket.number, events: Int16(POLLIN), revents: 0)
        let deadline = ContinuousClock.now + limit
        while true {
            let rest = ContinuousClock.now.duration(to: deadline)
            let result = poll(&entry, 1, Int32(clamping: max(0, Int(rest.inSeconds * 1000))))
            if result < 0, errno == EINTR { continue }
            guard result > 0 else { throw SystemError(ETIMEDOUT, in: step) }
            var byte: UInt8 = 0
            if read(socket.number, &byte, 1) == 1 { return }
            let said = String(decoding: complaints.readAvailable(limit: 4096), as: UTF8.self)
            throw SystemError(EPIPE, in: "\(step): \(said.split(separator: "\n").joined(separator: "; "))")
        }
    }
}

extension ChildProcess {
    /// Kills and reaps it.
    func end() {
        kill()
        _ = reap(within: .seconds(5))
    }
}

extension Descriptor {
    fileprivate func makeNonBlocking() { _ = fcntl(number, F_SETFL, fcntl(number, F_GETFL) | O_NONBLOCK) }
}
#endif
