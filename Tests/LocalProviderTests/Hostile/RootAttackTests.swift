#if os(Linux)
import Glibc
import NIOCore
import SandstormCore
import Testing

@testable import LocalProvider

/// What only root inside can try, beside all that anybody can.
@Suite(
    "Root inside a local sandbox",
    .enabled(if: Machine.canRun && Machine.canRoot && Probe.isPossible, "needs root, loop devices and python3"))
struct RootAttackTests {
    /// CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, NET_BIND_SERVICE.
    private static let capabilities: UInt64 = 0x4fb

    @Test("to the machine it is nobody: an id of the sandbox's own, with few capabilities, under the filter")
    func outside() async throws {
        try await Playground.run { playground in
            let sandbox = try await playground.sandbox(.withRoot)
            for user in ["root", "user"] { _ = try await sandbox.start(Command(["sleep", "1000"], user: user)) }
            let journal = try #require(playground.journal(of: sandbox))
            let launcher = try #require(journal.process)
            let range = playground.provider.configuration.rootUserIDs
            var ids: Set<UInt32> = []
            let processes = journal.group?.processes ?? []
            #expect(processes.count == 4)
            for pid in processes {
                let status = HostFile.text("/proc/\(pid)/status") ?? ""
                func field(_ name: String) -> [Substring] {
                    status.split(separator: "\n").first { $0.hasPrefix("\(name):") }?.split(whereSeparator: \.isWhitespace).dropFirst().map(
                        \.self) ?? []
                }
                for name in ["Uid", "Gid", "Groups"] {
                    for id in field(name).compactMap({ UInt32($0) }) {
                        #expect(range.contains(id), "\(pid): \(name) \(id)")
                        ids.insert(id)
                    }
                }
                let isLauncher = pid == launcher.pid
                for name in ["CapPrm", "CapEff", "CapAmb"] + (isLauncher ? [] : ["CapBnd", "CapInh"]) {
                    let set = try #require(field(name).first.flatMap { UInt64($0, radix: 16) })
                    #expect(set & ~(isLauncher ? 0 : Self.capabilities) == 0, "\(pid): \(name)")
                }
                if !isLauncher { #expect(field("Seccomp") == ["2"]) }
            }
            let first = try #require(ids.min())
            #expect(ids == [first, first + 1000])
            // The disk shows ids of the inside to the machine: nobody but the gateway gets to it, and its programs and devices are dead there.
            #expect(try await sandbox.sh("cp /bin/sh /rsh && chmod 6755 /rsh", as: "root").code == 0)
            let point = try #require(journal.mountPoint)
            var (info, system) = (stat(), statvfs())
            #expect(stat(point, &info) == 0 && info.st_mode & 0o777 == 0o700 && info.st_uid == 0)
            #expect(statvfs(point, &system) == 0 && system.f_flag & UInt(ST_NOSUID) != 0)
            #expect(Mount.all().first { $0.point == point } != nil)
            let other = try ChildProcess.spawn(
                ["/usr/bin/setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", "/bin/ls", "\(point)/root/home/user"], .init())
            #expect(other.reap(within: .seconds(10)) != 0)
        }
    }

    @Test("it ruins its own sandbox and nothing else")
    func ruin() async throws {
        try await Playground.run { playground in
            let (sandbox, other) = (try await playground.sandbox(.withRoot), try await playground.sandbox(.withRoot))
            let journal = try #require(playground.journal(of: sandbox))
            _ = try await sandbox.sh(
                "rm -rf /etc /root /home /var /opt /workspace /usr/local /usr/bin 2> /dev/null; rm /bin /lib /lib64 2> /dev/null",
                as: "root")
            #expect(HostFile.exists("/usr/bin/env") && HostFile.exists("/etc/passwd"))
            #expect(try await other.sh("ls /usr/bin/env; id -u").stdout == "/usr/bin/env\n1000\n")
            // What has no programs any more still says so.
            #expect(await providerError { _ = try await sandbox.sh("true", as: "root") }?.code == .invalid)
            try await sandbox.kill()
            #expect(journal.process?.isAlive == false)
        }
    }

    @Test("the agent that it ends takes its own sandbox with it, and nothing stays")
    func agent() async throws {
        try await Playground.run { playground in
            let sandbox = try await playground.sandbox(.withRoot)
            let journal = try #require(playground.journal(of: sandbox))
            #expect(try await sandbox.sh("kill -9 1; kill -STOP 1; echo alive", as: "root").stdout == "alive\n")
            _ = await providerError { _ = try await sandbox.sh("kill -TERM 1; sleep 1000", as: "root") }
            #expect(await eventually { journal.process?.isAlive == false && journal.group?.processes.isEmpty != false })
            try await sandbox.kill()
        }
    }

    @Test("layers, devices and mounts are not for it to change")
    func layers() async throws {
        try await Playground.run { playground in
            let sandbox = try await playground.sandbox(.withRoot)
            let program = """
                import os, stat
                def attempt(label, body):
                    try: body(); print("NOT REFUSED", label)
                    except OSError: pass
                for name in ("trusted.overlay.redirect", "trusted.overlay.opaque", "trusted.overlay.metacopy", "trusted.x", "security.capability"):
                    for path in ("/usr", "/usr/local", "/opt", "/root"):
                        attempt(name + path, lambda: os.setxattr(path, name, b"/etc"))
                for path in ("/usr/w", "/opt/w", "/dev/w", "/dev/shm/w"):
                    for major, minor in ((1, 3), (8, 0), (254, 0), (7, 0), (10, 229)):
                        attempt(f"node {path}", lambda: os.mknod(path, stat.S_IFBLK | 0o666, os.makedev(major, minor)))
                        attempt(f"node {path}", lambda: os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(major, minor)))
                for path in ("/usr", "/proc", "/dev", "/dev/shm", "/dev/pts"):
                    attempt("remove " + path, lambda: os.rmdir(path))
                    attempt("rename " + path, lambda: os.rename(path, "/moved"))
                for path in ("/dev/null", "/dev/zero", "/dev", "/proc"):
                    attempt("chmod " + path, lambda: os.chmod(path, 0o777))
                    attempt("chown " + path, lambda: os.chown(path, 0, 0))
                attempt("write to /dev", lambda: open("/dev/new", "w"))
                attempt("unmapped owner", lambda: os.chown("/opt", 65536, -1))
                attempt("machine's owner", lambda: os.chown("/opt", 1879048192, -1))
                attempt("no such id", lambda: os.setresuid(65536, 65536, 65536))
                print("machine", open("/proc/self/uid_map").read().split()[2])
                """
            #expect(try await sandbox.python(program, as: "root").stdout == "machine 65536\n")
        }
    }

    @Test("what only root of the machine may read is not there, but for what lies below /usr")
    func secrets() async throws {
        try await Playground.run { playground in
            let sandbox = try await playground.sandbox(.withRoot)
            let shadow = try await sandbox.sh("cat /etc/shadow", as: "root").stdout
            #expect(shadow != HostFile.text("/etc/shadow"))
            let state = playground.directory
            #expect(try await sandbox.sh("ls -A /root /home /mnt /srv /sys; ls -d \(state)", as: "root").stdout.contains(state) == false)
            #expect(try await sandbox.sh("ls -A /proc/1/root; readlink /proc/1/fd/0 /proc/1/exe /proc/1/cwd", as: "root").stdout == "")
        }
    }
}
#endif
