#if os(Linux)
import Glibc
import NIOCore
import SandstormCore
import Testing

@testable import LocalProvider

/// What code in a sandbox with a network tries to reach, and must not.
@Suite(
    "The walls of a sandbox's own network",
    .enabled(if: Machine.canRun && Machine.isRoot && Machine.hasNetwork && Probe.isPossible, "needs root, slirp4netns and python3"))
struct NetworkWallTests {
    @Test(
        "neither the machine nor its neighbourhood is reached, however a socket is bound",
        arguments: [(.standard, nil)] + (Machine.hasRunc ? [(.strong, nil)] : []) + Occasion.withRoot.map { ($0.level, $0.user) }
            as [(IsolationLevel, String?)])
    func walls(level: IsolationLevel, user: String?) async throws {
        let service = try HostListener()
        try await Playground.run({ $0.runtimes[.strong] = "runc" }) { playground in
            var spec = Self.open(level)
            spec.rootAccess = user != nil
            let sandbox = try await playground.sandbox(spec)
            let targets =
                ["127.0.0.1", "127.1.2.3", "10.0.2.2", "10.0.2.3", "169.254.169.254", "0.0.0.0", "::1", "fe80::1", "fd00::2"]
                + HostListener.machineAddresses
            let program = """
                import concurrent.futures, os, socket, struct, sys
                port = \(service.port)
                def attempt(host, device, kind, option):
                    label = f"{host} {device} {kind} {option}"
                    try:
                        family = socket.AF_INET6 if ":" in host else socket.AF_INET
                        s = socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
                        s.settimeout(1.5)
                        if device: s.setsockopt(socket.SOL_SOCKET, 25, device.encode())
                        if option == "route":  # loose source route through the translator
                            s.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, bytes([131, 7, 4]) + socket.inet_aton("10.0.2.2") + b"\\0")
                        s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                        if kind == "udp":
                            s.sendto(b"knock", (host, port))
                            return
                        s.connect((host, port))
                        print("REACHED", label)
                    except OSError as error:
                        pass
                jobs = [(h, d, k, o) for h in \(Probe.list(targets)) for d in ("", "tap0") for k in ("tcp", "udp") for o in ("", "route")
                        if not (":" in h and o)]
                jobs += [(h, d, "udp", "") for h in ("255.255.255.255", "10.0.2.255", "224.0.0.1", "239.77.77.77") for d in ("", "tap0")]
                with concurrent.futures.ThreadPoolExecutor(32) as pool:
                    for job in [pool.submit(attempt, *j) for j in jobs]: job.result()
                print("tried", len(jobs) > 50)
                """
            #expect(try await sandbox.python(program, as: user).stdout == "tried True\n")
            #expect(service.visitors() == [])
        }
    }

    @Test("what the operator allows is reached, all around it is not")
    func exceptions() async throws {
        let address = try DummyAddress()
        let service = try HostListener()
        try await Playground.run({ $0.allowedPrivateNetworks = ["\(address.text)/32"] }) { playground in
            let sandbox = try await playground.sandbox(Self.open(.standard))
            #expect(try await sandbox.python(Self.get(address.text, service.port)).stdout == "reached\n")
            #expect(try await sandbox.python(Self.get("127.0.0.1", service.port)).stdout != "reached\n")
            #expect(service.visitors().count == 1)
        }
    }

    @Test("an allow-list of addresses holds, one of names is refused")
    func allowList() async throws {
        let address = try DummyAddress()
        let service = try HostListener()
        try await Playground.run({ $0.allowedPrivateNetworks = [address.text] }) { playground in
            var spec = Self.open(.standard)
            spec.network = .allow([address.text])
            let sandbox = try await playground.sandbox(spec)
            #expect(try await sandbox.python(Self.get(address.text, service.port)).stdout == "reached\n")
            let others = try await sandbox.python(
                ["203.0.113.80", "1.1.1.1", "8.8.8.8"].map { Self.get($0, 443) }.joined(separator: "\n")
                    + "\nimport os; print(os.path.exists('/etc/resolv.conf'))\n"
                        + """
                        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(1)
                        try:
                            s.connect(("10.0.2.3", 53)); s.send(bytes.fromhex("1234010000010000000000000000020001")); print(len(s.recv(512)))
                        except OSError: print("no answer")
                        """)
            #expect(others.stdout == "EHOSTUNREACH\nEHOSTUNREACH\nEHOSTUNREACH\nFalse\nno answer\n")
            for entry in ["example.org", "*.example.org", "10.0.0.0/8", "169.254.169.254", "2001:db8::/32", "10.0.0.1/8"] {
                spec.network = .allow([entry])
                #expect(playground.provider.refusal(of: spec)?.contains(entry) == true, "\(entry)")
                #expect(playground.provider.offers(for: spec).isEmpty, "\(entry)")
            }
        }
    }

    @Test("what is denied is not reached, unless it is allowed too")
    func denyList() async throws {
        let (one, two) = (try DummyAddress(), try DummyAddress())
        let service = try HostListener()
        try await Playground.run({ $0.allowedPrivateNetworks = [one.text, two.text] }) { playground in
            let cases: [(deny: [String], allow: [String], reached: [Bool])] = [
                ([one.text], [], [false, true]), (["10.77.0.0/16"], [one.text], [true, false]),
                ([one.text, two.text], [two.text], [false, true]),
                (["0.0.0.0/0", "::/0"], [one.text], [true, false]), (["203.0.113.0/24", "2001:db8::/32"], [], [true, true]),
            ]
            for (deny, allow, reached) in cases {
                var spec = Self.open(.standard)
                spec.network = .deny(deny, allow: allow)
                let sandbox = try await playground.sandbox(spec)
                let program = [one, two].map { Self.get($0.text, service.port) }.joined(separator: "\n")
                let lines = try await sandbox.python(program).stdout.split(separator: "\n").map { $0 == "reached" }
                #expect(lines == reached, "\(deny) \(allow)")
                #expect(try await sandbox.python(Self.get("127.0.0.1", service.port)).stdout != "reached\n")
                try await sandbox.kill()
            }
            for (deny, allow) in [
                (["example.org"], []), (["10.0.0.1/8"], []), (["0.0.0.0/0"], ["example.org"]), (["0.0.0.0/0"], ["10.0.0.0/8"]),
            ] {
                var spec = Self.open(.standard)
                spec.network = .deny(deny, allow: allow)
                #expect(playground.provider.refusal(of: spec)?.contains("network") == true, "\(deny) \(allow)")
                #expect(playground.provider.offers(for: spec).isEmpty)
            }
        }
    }

    @Test("what a living sandbox may reach can be changed, and holds at once", arguments: [false, true])
    func change(rootAccess: Bool) async throws {
        let (one, two) = (try DummyAddress(), try DummyAddress())
        let service = try HostListener()
        try await Playground.run({ $0.allowedPrivateNetworks = [one.text, two.text] }) { playground in
            var spec = Self.open(.standard)
            spec.rootAccess = rootAccess && Machine.canRoot
            let sandbox = try await playground.sandbox(spec)
            let user = spec.rootAccess ? "root" : nil
            // By routes, and past them.
            let program = """
                import socket
                def reach(host, device):
                    s = socket.socket(); s.settimeout(2)
                    if device: s.setsockopt(socket.SOL_SOCKET, 25, device)
                    try: s.connect((host, \(service.port))); return True
                    except OSError: return False
                def names(device):
                    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(1)
                    if device: s.setsockopt(socket.SOL_SOCKET, 25, device)
                    try: s.connect(("10.0.2.3", 53)); s.send(bytes.fromhex("1234010000010000000000000000020001")); return len(s.recv(512)) > 0
                    except OSError: return False
                print([reach(host, device) for host in ("\(one.text)", "\(two.text)") for device in (b"", b"tap0")], names(b"") or names(b"tap0"))
                """
            func seen() async throws -> String { try await sandbox.python(program, as: user).stdout }
            let first = try await seen()
            #expect(first.hasPrefix("[True, True, True, True]"))
            // What is open is cut off.
            let open = try await sandbox.start(
                Command(
                    [
                        "/usr/bin/python3", "-c",
                        """
                        import fcntl, socket, struct, sys, time
                        s = socket.create_connection(('\(one.text)', \(service.port)))
                        def send():  # How much nobody has taken, a second later.
                            try: s.sendall(b'x'); time.sleep(1); return struct.unpack('i', fcntl.ioctl(s, 0x5411, b'0000'))[0]
                            except OSError: return 1
                        print(send(), flush=True)
                        sys.stdin.read(); print(send() > 0)
                        """,
                    ], user: user))
            var events = open.events.makeAsyncIterator()
            var output = ""
            while output.isEmpty, let event = try await events.next(isolation: nil) {
                if case .stdout(let bytes) = event { output += String(buffer: bytes) }
            }
            try await sandbox.setNetwork(.deny([one.text]))
            try await open.closeInput()
            while let event = try await events.next(isolation: nil) {
                if case .stdout(let bytes) = event { output += String(buffer: bytes) }
            }
            #expect(output == "0\nTrue\n")
            #expect(try await seen() == first.replacing("[True, True, True, True]", with: "[False, False, True, True]"))
            try await sandbox.setNetwork(.allow([one.text]))
            #expect(try await seen() == "[True, True, False, False] False\n")
            try await sandbox.setNetwork(.none)
            #expect(try await seen() == "[False, False, False, False] False\n")
            // It holds for a copy too.
            if playground.provider.capabilities.fork {
                let fork = try await playground.fork(sandbox)
                #expect(try await fork.python(Self.get(one.text, service.port)).stdout != "reached\n")
                try await fork.kill()
            }
            #expect(await providerError { try await sandbox.setNetwork(.allow(["example.org"])) }?.code == .unsupported)
            #expect(try await seen() == "[False, False, False, False] False\n")
            try await sandbox.setNetwork(.open)
            #expect(try await seen() == first)
            // What was not there from the start can't be had later.
            let closed = try await playground.sandbox()
            #expect(await providerError { try await closed.setNetwork(.open) }?.code == .unsupported)
            spec.network = .allow([one.text])
            let nameless = try await playground.sandbox(spec)
            #expect(await providerError { try await nameless.setNetwork(.open) }?.code == .unsupported)
            try await nameless.setNetwork(.allow([two.text]))
            #expect(try await nameless.python(Self.get(two.text, service.port)).stdout == "reached\n")
            #expect(try await nameless.python(Self.get(one.text, service.port)).stdout != "reached\n")
        }
    }

    @Test("the code has no rights over its network", arguments: [nil] + Occasion.withRoot.map(\.user))
    func rights(user: String?) async throws {
        let name = "sandstorm-test-\(UInt32.random(in: .min ... .max))"
        let abstract = try HostListener.abstract(name)
        try await Playground.run { playground in
            var spec = Self.open(.standard)
            spec.rootAccess = user != nil
            let sandbox = try await playground.sandbox(spec)
            let program = """
                import fcntl, os, socket, struct
                def attempt(label, body):
                    try: body(); print(label, "DONE")
                    except OSError as error: print(label, "refused")
                s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                def sin(a): return struct.pack("H2x4s8x", 2, socket.inet_aton(a))
                route = struct.pack("L16s16s16sHhLLP", 0, sin("169.254.0.0"), sin("10.0.2.2"), sin("255.255.0.0"), 3, 0, 0, 0, 0).ljust(120, b"\\0")
                arp = sin("127.0.0.1") + struct.pack("H14s", 1, bytes.fromhex("52550a000202")) + struct.pack("i16s16s", 6, b"", b"tap0")
                attempt("route", lambda: fcntl.ioctl(s, 0x890B, route))
                attempt("neighbour", lambda: fcntl.ioctl(s, 0x8955, arp))
                attempt("flags", lambda: fcntl.ioctl(s, 0x8914, struct.pack("16sH22x", b"tap0", 0x1043)))
                attempt("address", lambda: fcntl.ioctl(s, 0x8916, struct.pack("16s16s8x", b"tap0", sin("10.0.2.2"))))
                attempt("hardware", lambda: fcntl.ioctl(s, 0x8924, struct.pack("16sH14s8x", b"tap0", 1, b"abcdef")))
                attempt("tun", lambda: os.open("/dev/net/tun", os.O_RDWR))
                attempt("raw", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 255))
                attempt("icmp", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))
                attempt("raw6", lambda: socket.socket(socket.AF_INET6, socket.SOCK_RAW, 58))
                attempt("packet", lambda: socket.socket(17, socket.SOCK_RAW, 3))
                attempt("mark", lambda: s.setsockopt(socket.SOL_SOCKET, 36, 1))
                attempt("transparent", lambda: s.setsockopt(socket.IPPROTO_IP, 19, 1))
                attempt("sysctl", lambda: open("/proc/sys/net/ipv4/ip_forward", "w").write("1"))
                netlink = socket.socket(16, socket.SOCK_RAW, 0)
                message = struct.pack("IHHIIBBBBBBBBI", 28, 24, 5 | 0x400, 1, 0, 2, 0, 0, 0, 254, 4, 0, 1, 0)
                netlink.send(message); answer = netlink.recv(4096)
                print("netlink", "refused" if struct.unpack_from("i", answer, 16)[0] == -1 else answer)
                a = socket.socket(socket.AF_UNIX)
                attempt("abstract", lambda: a.connect("\\0\(name)"))
                """
            let lines = try await sandbox.python(program, as: user).stdout.split(separator: "\n")
            #expect(lines.count == 15)
            #expect(lines.filter { !$0.hasSuffix(" refused") } == [])
            withExtendedLifetime(abstract) {}
        }
    }

    @Test("neighbours do not hear each other")
    func neighbours() async throws {
        try await Playground.run { playground in
            let (first, second) = (try await playground.sandbox(Self.open(.standard)), try await playground.sandbox(Self.open(.standard)))
            let server = try await first.start(
                Command([
                    "/usr/bin/python3", "-c",
                    "import socket; s = socket.create_server(('0.0.0.0', 7777)); print('up', flush=True); s.accept()",
                ]))
            var up = server.events.makeAsyncIterator()
            while let event = try await up.next(isolation: nil) { if case .stdout = event { break } }
            #expect(try await first.python("import socket; socket.create_connection(('10.0.2.100', 7777)); print('own')").stdout == "own\n")
            for address in ["10.0.2.100", "127.0.0.1", "10.0.2.2", "10.0.2.101"] {
                #expect(try await second.python(Self.get(address, 7777)).stdout != "reached\n", "\(address)")
            }
        }
    }

    @Test("names are answered where the machine's resolver answers")
    func names() async throws {
        try await Playground.run { playground in
            let sandbox = try await playground.sandbox(Self.open(.standard))
            #expect(try await sandbox.sh("grep ^nameserver /etc/resolv.conf").stdout == "nameserver 10.0.2.3\n")
            let server = HostFile.text("/etc/resolv.conf")?.split(separator: "\n").first { $0.hasPrefix("nameserver") && !$0.contains(":") }
            guard let server = server?.split(separator: " ").last else { return }
            func ask(_ server: some StringProtocol) -> String {
                """
                import socket
                s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(2); s.connect(("\(server)", 53))
                for attempt in range(3):
                    try: s.send(bytes.fromhex("1234010000010000000000000000020001")); print(s.recv(512)[:2].hex()); break
                    except OSError: pass
                """
            }
            guard try Probe.onHost(ask(server)) == "1234\n" else { return }
            #expect(try await sandbox.python(ask("10.0.2.3")).stdout == "1234\n")
        }
    }

    @Test("the translator has no rights, and ends with the sandbox, however that ends", arguments: ["kill", "agent", "launcher"])
    func translator(end: String) async throws {
        try await Playground.run { playground in
            let sandbox = try await playground.sandbox(Self.open(.standard))
            let journal = try #require(playground.journal(of: sandbox))
            let helpers = journal.helpers.filter(\.isAlive)
            try #require(helpers.count == 1, "the holder has left")
            let status = HostFile.text("/proc/\(helpers[0].pid)/status") ?? ""
            #expect(status.contains("Name:\tslirp4netns"))
            #expect(status.contains("NoNewPrivs:\t1"))
            #expect(status.contains("Seccomp:\t2"))
            #expect(!status.contains("Uid:\t0"))
            #expect(HostFile.names(in: "/proc/\(helpers[0].pid)/root/root").isEmpty)
            #expect(journal.group?.processes.contains(helpers[0].pid) ?? true)
            let launcher = try #require(journal.process)
            switch end {
            case "kill": try await sandbox.kill()
            case "agent": for pid in launcher.children { _ = Glibc.kill(pid, SIGKILL) }
            default: _ = Glibc.kill(launcher.pid, SIGKILL)
            }
            #expect(await eventually { !HostFile.exists("/proc/\(helpers[0].pid)") })
        }
    }

    @Test("when the gateway is killed, nothing of a network stays, and the next one cleans up")
    func gatewayKilled() async throws {
        let directory = "/tmp/sandstorm-test-\(UInt64.random(in: .min ... .max))"
        defer { HostFile.removeTree(directory) }
        let gateway = GatewayID.generate()
        await #expect(processExitsWith: .signal(SIGKILL)) { [directory = directory as String, gateway = gateway.rawValue as String] in
            let provider = await LocalProvider(configuration: Playground.configuration(directory))
            let tag = SandboxTag(gateway: try #require(GatewayID(gateway)), run: .generate(), attempt: .generate(), sandbox: .generate())
            let spec = NetworkWallTests.open(.standard)
            let sandbox = try await provider.create(spec, on: try #require(provider.offers(for: spec).first), tag: tag)
            _ = try await sandbox.start(Command(["/bin/sh", "-c", "trap '' TERM HUP; while :; do sleep 1; done"]))
            raise(SIGKILL)
        }
        let name = try #require(HostFile.names(in: "\(directory)/local").first { $0.hasPrefix("local-") })
        let journal = try #require(SandboxJournal(in: "\(directory)/local/\(name)"))
        #expect(journal.helpers.count == 2)
        #expect(await eventually { !journal.helpers.contains(where: \.isAlive) && journal.process?.isAlive == false })
        let provider = await LocalProvider(configuration: Playground.configuration(directory))
        let records = try await provider.sandboxes(taggedBy: gateway)
        #expect(records.count == 1)
        for record in records { try await provider.destroy(record.id) }
        #expect(await eventually { Remainders(of: directory).isEmpty })
        #expect(journal.group?.directories.values.allSatisfy { !HostFile.exists($0) } ?? true)
    }

    @Test("where there is none to give, an open network is refused with the reason, unless the operator shares the machine's")
    func refused() async throws {
        try await Playground.run({ $0.allowedPrivateNetworks = ["10.1.2.3/8"] }) { playground in
            let provider = playground.provider
            #expect(!provider.capabilities.openNetwork)
            #expect(provider.refusal(of: Self.open(.standard))?.contains("10.1.2.3/8") == true)
            #expect(provider.offers(for: Self.open(.standard)).isEmpty)
            #expect(provider.diagnose().first { $0.id == "network.open" }?.state == .missing)
        }
        try await Playground.run({ $0.sharesHostNetwork = true }) { playground in
            #expect(playground.provider.capabilities.openNetwork)
            #expect(playground.provider.diagnose().first { $0.id == "network.open" }?.state == .degraded)
        }
    }

    static func open(_ level: IsolationLevel) -> SandboxSpec {
        var spec = SandboxSpec(command: ["sh"])
        spec.network = .open
        spec.isolation = level
        return spec
    }

    /// Prints whether a server is reached, or the error.
    private static func get(_ host: String, _ port: Int) -> String {
        """
        import errno, socket
        try: socket.create_connection(("\(host)", \(port)), 2); print("reached")
        except OSError as error: print(errno.errorcode.get(error.errno, "timeout"))
        """
    }
}

@Suite("Ranges of addresses")
struct IPv4RangeTests {
    @Test("a range is written as prefix and length, with nothing behind the prefix")
    func parsing() {
        for text in ["10.0.0.0/8", "0.0.0.0/0", "192.168.7.5/32", "203.0.113.128/25"] {
            #expect(IPv4Range(text)?.description == text)
        }
        #expect(IPv4Range("10.1.2.3")?.description == "10.1.2.3/32")
        for text in [
            "", "10.0.0.1/8", "10.0.0/8", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8/1", "256.0.0.0/8", "+1.0.0.0", "::/0", "a.b.c.d",
        ] {
            #expect(IPv4Range(text) == nil, "\(text)")
        }
    }

    @Test("what is listed is only opened where the operator has not closed it")
    func lists() throws {
        func range(_ text: String) throws -> IPv4Range { try #require(IPv4Range(text)) }
        let machine = [try range("203.0.113.7")]
        let routes = try NetworkRoutes(only: ["203.0.113.0/24"], machine: machine, exceptions: [try range("10.1.0.0/16")])
        #expect(routes.arguments.prefix(2) == ["--allow", "203.0.113.0/24"])
        #expect(routes.arguments.suffix(2) == ["--refuse", "0.0.0.0/0"])
        #expect(routes.routes.contains { $0.range == machine[0] && !$0.isAllowed })
        #expect(!routes.arguments.contains("10.1.0.0/16"))
        for closed in ["203.0.113.7", "10.2.0.0/16", "127.0.0.1", "10.0.0.0/8"] {
            #expect(throws: ProviderError.self, "\(closed)") {
                try NetworkRoutes(only: [closed], machine: machine, exceptions: [range("10.1.0.0/16")])
            }
        }
        #expect(
            try NetworkRoutes(only: ["10.1.2.0/24"], machine: machine, exceptions: [range("10.1.0.0/16")]).routes.first?.isAllowed == true)
    }
}
#endif
