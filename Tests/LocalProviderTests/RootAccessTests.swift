import NIOCore
import SandstormCore
import Testing

@testable import LocalProvider

#if os(Linux)
import Glibc

/// Root inside, and the usual user beside it.
@Suite("Root access", .enabled(if: Machine.canRun && Machine.canRoot, Machine.whyRoot))
struct RootAccessTests {
    @Test("commands run as the usual user, and as root where that is asked for")
    func users() async throws {
        try await Playground.run { playground in
            #expect(playground.provider.capabilities.users == ["root"])
            let sandbox = try await playground.sandbox(.withRoot)
            let line = "id -un; id -u; id -g; echo $HOME $USER $LOGNAME; pwd"
            #expect(try await sandbox.sh(line).stdout == "user\n1000\n1000\n/home/user user user\n/workspace\n")
            #expect(try await sandbox.sh(line, as: "root").stdout == "root\n0\n0\n/root root root\n/workspace\n")
            #expect(try await sandbox.sh("id -u", as: "0").stdout == "0\n")
            #expect(try await sandbox.sh("id -un", as: "nobody").stdout == "nobody\n")
            let error = await providerError { _ = try await sandbox.sh("id", as: "somebody") }
            #expect(error?.code == .invalid)
            #expect(error?.message.contains("somebody") == true)
        }
    }

    @Test("root writes anywhere, the usual user where it may")
    func writing() async throws {
        try await Playground.run { playground in
            let sandbox = try await playground.sandbox(.withRoot)
            let places = "/x /root/x /etc/x /opt/x /usr/x /usr/local/bin/x /usr/lib/x /var/lib/x /home/x /srv/x /run/x"
            let written = try await sandbox.sh(
                "for f in \(places); do echo hello > $f || echo $f; done; cat \(places) | sort -u", as: "root")
            #expect(written.stdout == "hello\n", "\(written.stderr)")
            let refused = try await sandbox.sh("for f in \(places); do echo hello 2>/dev/null > $f && echo $f; done; true")
            #expect(refused.stdout == "")
            let own = try await sandbox.sh("for f in /workspace/x /home/user/x /tmp/x /var/tmp/x /dev/shm/x; do echo $f > $f; done")
            #expect(own.stderr == "")
            // What is the machine's can be changed and removed inside, and is as it was outside.
            let change =
                "echo '# changed' >> /usr/bin/ldd && rm /usr/bin/env && mv /usr/share/dict /usr/share/words 2>/dev/null; tail -n 1 /usr/bin/ldd; ls /usr/bin/env"
            #expect(try await sandbox.sh(change, as: "root").stdout == "# changed\n")
            #expect(HostFile.exists("/usr/bin/env"))
            #expect(HostFile.text("/usr/bin/ldd")?.contains("# changed") == false)
            #expect(!HostFile.exists("/usr/local/bin/x"))
            #expect(try await sandbox.sh("stat -c %U:%G / /usr /usr/bin /etc /root | sort -u").stdout == "root:root\n")
        }
    }

    @Test("files are handled as the user who is named, with that one's rights and for that one")
    func files() async throws {
        try await Playground.run { playground in
            let sandbox = try await playground.sandbox(.withRoot)
            let root = try sandbox.files(as: "root")
            try await root.write("/a/b/c.txt", ByteBuffer(string: "root's"), mode: 0o600)
            try await sandbox.files.write("/home/user/d/e.txt", ByteBuffer(string: "user's"), mode: 0o644)
            let owners = try await sandbox.sh("stat -c %U:%G:%a /a /a/b /a/b/c.txt /home/user/d /home/user/d/e.txt", as: "root")
            #expect(owners.stdout == "root:root:755\nroot:root:755\nroot:root:600\nuser:user:755\nuser:user:644\n")
            #expect(try await root.info("/a/b/c.txt", followingLinks: true).owner == "root")
            // What the usual user may not.
            let mine = sandbox.files
            for attempt in [
                { _ = try await mine.read("/a/b/c.txt", upTo: 100) },
                { try await mine.write("/a/x", ByteBuffer(string: "x"), mode: 0o644) },
                { try await mine.write("/etc/hosts", ByteBuffer(string: "x"), mode: 0o644) },
                { _ = try await mine.list("/root", depth: 1) },
                { try await mine.remove("/a", recursively: true) }, { _ = try await mine.makeDirectory("/m", mode: 0o755) },
                { try await mine.move("/a/b/c.txt", to: "/tmp/c.txt", replacing: false) },
                { try await mine.setAttributes(FileAttributes(mode: 0o777), of: "/a/b/c.txt") },
                { try await mine.setAttributes(FileAttributes(owner: "root"), of: "/home/user/d/e.txt") },
                { _ = try await mine.archive("/a/b/c.txt").collect(upTo: 1 << 20) },
                { _ = try await mine.watch("/root", recursively: false) },
            ] as [@Sendable () async throws -> Void] {
                #expect(await providerError { try await attempt() }?.fileProblem == .notPermitted)
            }
            // And root may.
            #expect(String(buffer: try await root.read("/home/user/d/e.txt", upTo: 100)) == "user's")
            try await root.setAttributes(FileAttributes(owner: "user", group: "user"), of: "/a/b/c.txt")
            #expect(String(buffer: try await mine.read("/a/b/c.txt", upTo: 100)) == "root's")
            try await root.remove("/a", recursively: true)
            // Nothing of the rights of one call is left to the next.
            #expect(await providerError { _ = try await mine.list("/root", depth: 1) }?.fileProblem == .notPermitted)
            #expect(
                try await sandbox.sh("id -u; grep Cap /proc/self/status | cut -f 2 | head -n 3 | sort -u").stdout
                    == "1000\n0000000000000000\n")
            let error = await providerError { _ = try await sandbox.files(as: "somebody").info("/", followingLinks: true) }
            #expect(error?.code == .invalid && error?.fileProblem == nil)
            #expect(error?.message.contains("somebody") == true)
        }
    }

    @Test("a large upload and a listing as one user don't mix with another's")
    func concurrency() async throws {
        try await Playground.run { playground in
            let sandbox = try await playground.sandbox(.withRoot)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<20 {
                    let user = index % 2 == 0 ? "root" : nil
                    group.addTask {
                        let files = try sandbox.files(as: user)
                        let directory = user == nil ? "/home/user" : "/root"
                        try await files.write("\(directory)/f\(index)", ByteBuffer(repeating: 0x78, count: 300_000), mode: 0o600)
                        #expect(try await files.read("\(directory)/f\(index)", upTo: 1 << 20).readableBytes == 300_000)
                    }
                }
                try await group.waitForAll()
            }
            let owners = try await sandbox.sh("stat -c %U /root/f* | sort -u; stat -c %U /home/user/f* | sort -u", as: "root")
            #expect(owners.stdout == "root\nuser\n")
        }
    }

    @Test("a set-uid program leads to root inside, and its capabilities are root's")
    func setuid() async throws {
        try await Playground.run { playground in
            let sandbox = try await playground.sandbox(.withRoot)
            #expect(try await sandbox.sh("cp /bin/sh /usr/local/bin/rsh && chmod u+s /usr/local/bin/rsh", as: "root").code == 0)
            #expect(try await sandbox.sh("/usr/local/bin/rsh -p -c 'id -u; echo x > /opt/x; cat /opt/x'").stdout == "0\nx\n")
            // Nobody has a password, so that what the machine has of such programs leads nowhere.
            #expect(try await sandbox.sh("cat /etc/shadow").code != 0)
            #expect(try await sandbox.sh("cut -d : -f 2 /etc/shadow | sort -u", as: "root").stdout == "*\n")
        }
    }

    @Test("a snapshot and a fork keep what root has done, for whoever has them next", .enabled(if: Machine.canCopyDisks, Machine.whyCopy))
    func copies() async throws {
        try await Playground.run { playground in
            let original = try await playground.sandbox(.withRoot)
            let change = """
                echo kept > /opt/kept; chown 123:456 /opt/kept; chmod 4750 /opt/kept; rm /usr/bin/env; echo '# kept' >> /usr/bin/ldd
                mkdir -p /usr/local/lib/kept; echo 'new:x:1234:1234::/home/new:/bin/sh' >> /etc/passwd; ln -s /opt/kept /root/link; mkdir /a; touch /a/b
                """
            #expect(try await original.sh(change, as: "root").code == 0)
            #expect(try await original.sh("echo mine > ~/mine").code == 0)
            let look = """
                stat -c '%u %g %a' /opt/kept; ls /usr/bin/env 2>&1 | grep -c 'No such'; tail -n 1 /usr/bin/ldd; ls -d /usr/local/lib/kept; id -un 1234
                cat /root/link; stat -c %U /home/user/mine /a/b; touch /usr/bin/another && rm /usr/bin/another && echo writable
                """
            let seen = "123 456 4750\n1\n# kept\n/usr/local/lib/kept\nnew\nkept\nuser\nroot\nwritable\n"
            let snapshot = try await original.snapshot(.filesystem)
            let fork = try await playground.fork(original)
            #expect(try await original.sh("rm -r /opt /a /root/link; rm /usr/bin/ldd", as: "root").code == 0)
            let restored = try await playground.sandbox(from: snapshot, .withRoot)
            for copy in [fork, restored] {
                #expect(try await copy.sh(look, as: "root").stdout == seen)
                #expect(try await copy.sh("id -u; cat ~/mine; echo more >> ~/mine && tail -n 1 ~/mine").stdout == "1000\nmine\nmore\n")
            }
            // Larger, and of the second generation.
            var larger = SandboxSpec.withRoot
            larger.disk = 2
            let again = try await playground.sandbox(from: try await restored.snapshot(.filesystem), larger)
            #expect(try await again.sh(look, as: "root").stdout == seen)
            // What is meant for one kind of sandbox is not for the other.
            let plain = try await playground.sandbox()
            let other = try await plain.snapshot(.filesystem)
            for (from, spec) in [(snapshot, SandboxSpec(command: ["sh"])), (other, SandboxSpec.withRoot)] {
                let error = await providerError { _ = try await playground.sandbox(from: from, spec) }
                #expect(error?.code == .invalid && error?.message.contains("root access") == true)
            }
        }
    }

    @Test("a paused one stands still and goes on")
    func pause() async throws {
        try await Playground.run { playground in
            guard playground.provider.capabilities.pause else { return }
            let sandbox = try await playground.sandbox(.withRoot)
            try await sandbox.pause()
            #expect(await providerError { _ = try await sandbox.files(as: "root").list("/", depth: 1) }?.code == .invalid)
            try await sandbox.resume()
            #expect(try await sandbox.sh("id -u", as: "root").stdout == "0\n")
            let usage = try await sandbox.usage()
            #expect(usage.memoryLimit == 256 << 20 && usage.diskLimit == 1 << 30 && (usage.disk ?? 0) > 0)
        }
    }

    @Test("a terminal belongs to the user whose command has it")
    func terminal() async throws {
        try await Playground.run { playground in
            let sandbox = try await playground.sandbox(.withRoot)
            for (user, name) in [("root", "root"), (nil, "user")] {
                let command = Command(
                    ["/bin/sh", "-c", "test -t 0 && stat -c %U $(tty); echo x > $(tty)"], terminal: TerminalSize(columns: 80, rows: 24),
                    user: user)
                #expect(try await sandbox.start(command).transcript().stdout == "\(name)\r\nx\r\n")
            }
        }
    }

    @Test(
        "an image's root directory can be written to, and the image stays as it is", .enabled(if: Machine.busybox != nil, "needs busybox"))
    func image() async throws {
        try await Playground.run { playground in
            let root = "\(playground.directory)/images/tiny/rootfs"
            try HostFile.makeDirectories("\(root)/bin")
            try HostFile.makeDirectories("\(root)/etc")
            let busybox = try #require(Machine.busybox.flatMap { HostFile.read($0, upTo: 8 << 20) })
            try HostFile.create("\(root)/bin/busybox", busybox, mode: 0o755)
            for applet in ["sh", "cat", "ls", "id", "touch", "stat", "rm"] { _ = symlink("busybox", "\(root)/bin/\(applet)") }
            try HostFile.create("\(root)/etc/motto", Array("tiny\n".utf8))
            try HostFile.create("\(root)/etc/passwd", Array("root:x:0:0::/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n".utf8))
            var spec = SandboxSpec.withRoot
            spec.image = "tiny"
            let sandbox = try await playground.sandbox(spec)
            #expect(
                try await sandbox.sh("id -u; cat /etc/motto; pwd; echo $HOME; echo x > ~/x && cat ~/x").stdout
                    == "1000\ntiny\n/workspace\n/home/user\nx\n")
            #expect(
                try await sandbox.sh("echo changed > /etc/motto; rm /bin/touch; echo y > /y; cat /etc/motto /y", as: "root").stdout
                    == "changed\ny\n")
            #expect(try await sandbox.sh("stat -c %u /etc/motto /bin/busybox /bin", as: "root").stdout == "0\n0\n0\n")
            #expect(
                await providerError { try await sandbox.files.write("/etc/motto", ByteBuffer(string: "z"), mode: 0o644) }?.fileProblem
                    == .notPermitted)
            let fork = try await playground.fork(sandbox)
            #expect(try await fork.sh("cat /etc/motto /y; ls /bin/touch", as: "root").stdout == "changed\ny\n")
            #expect(HostFile.text("\(root)/etc/motto") == "tiny\n")
            #expect(HostFile.names(in: root).sorted() == ["bin", "etc"])
        }
    }

    @Test("after a crash of the gateway it is listed and can be killed, and nothing stays")
    func crash() async throws {
        let directory = "/tmp/sandstorm-test-\(UInt64.random(in: .min ... .max))"
        defer { HostFile.removeTree(directory) }
        let gateway = GatewayID.generate()
        await #expect(processExitsWith: .signal(SIGKILL)) { [directory = directory as String, gateway = gateway.rawValue as String] in
            let provider = await LocalProvider(configuration: Playground.configuration(directory))
            let tag = SandboxTag(gateway: try #require(GatewayID(gateway)), run: .generate(), attempt: .generate(), sandbox: .generate())
            let sandbox = try await provider.create(.withRoot, on: try #require(provider.offers(for: .withRoot).first), tag: tag)
            _ = try await sandbox.start(Command(["/bin/sh", "-c", "trap '' TERM HUP; while :; do sleep 1; done"], user: "root"))
            raise(SIGKILL)
        }
        let name = try #require(HostFile.names(in: "\(directory)/local").first { $0.hasPrefix("local-") })
        let journal = try #require(SandboxJournal(in: "\(directory)/local/\(name)"))
        #expect(await eventually { journal.process?.isAlive == false && journal.group?.processes.isEmpty != false })
        let provider = await LocalProvider(configuration: Playground.configuration(directory))
        let records = try await provider.sandboxes(taggedBy: gateway)
        #expect(records.count == 1)
        for record in records { try await provider.destroy(record.id) }
        #expect(await eventually { Remainders(of: directory).isEmpty }, "\(Remainders(of: directory))")
        #expect(journal.group?.directories.values.allSatisfy { !HostFile.exists($0) } ?? true)
    }

    @Test("without root access there is none")
    func without() async throws {
        try await Playground.run { playground in
            let sandbox = try await playground.sandbox()
            #expect(await providerError { _ = try await sandbox.sh("id", as: "root") }?.code == .invalid)
            #expect(await providerError { _ = try await sandbox.files(as: "root").info("/", followingLinks: true) }?.code == .invalid)
            #expect(try await sandbox.files(as: "user").info("/workspace", followingLinks: true).owner == "user")
            var spec = SandboxSpec.withRoot
            spec.isolation = .strong
            #expect(playground.provider.offers(for: spec).isEmpty)
            #expect(playground.provider.refusal(of: spec)?.contains("root access") == true)
        }
    }
}
#endif
