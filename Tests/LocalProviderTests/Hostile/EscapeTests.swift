#if os(Linux)
import Glibc
import NIOCore
import SandstormCore
import Testing

@testable import LocalProvider

/// When in a sandbox's life code attacks, and who has made the sandbox.
struct Occasion: Sendable, CustomTestStringConvertible {
    var isFirstCommand: Bool
    var level: IsolationLevel
    /// Who attacks, in a sandbox in which code may be root; nil for another.
    var user: String? = nil

    var testDescription: String {
        (isFirstCommand ? "first command, " : "later command, ") + level.rawValue + (user.map { ", root access, \($0)" } ?? "")
    }

    static let standard = [true, false].map { Occasion(isFirstCommand: $0, level: .standard) }
    static let withRoot =
        Machine.canRoot ? ["root", "user"].map { Occasion(isFirstCommand: true, level: .standard, user: $0) } : []
    static let all = standard + (Machine.isRoot && Machine.hasRunc ? [Occasion(isFirstCommand: true, level: .strong)] : []) + withRoot

    /// Gives `body` a sandbox at that moment.
    func run(
        _ change: (inout LocalProvider.Configuration) -> Void = { _ in }, memory: Int = 256,
        _ body: (Playground, any Sandbox) async throws -> Void
    ) async throws {
        try await Playground.run {
            $0.runtimes[.strong] = "runc"
            change(&$0)
        } _: { playground in
            var spec = SandboxSpec(command: ["sh"])
            spec.isolation = level
            spec.memory = memory
            spec.rootAccess = user != nil
            let sandbox = try await playground.sandbox(spec)
            if !isFirstCommand { #expect(try await sandbox.sh("echo before > /tmp/before; echo $?").stdout == "0\n") }
            try await body(playground, sandbox)
        }
    }
}

/// Ways out of a sandbox: each is shut, with an error rather than a surprise, and the sandbox works on.
@Suite("Ways out of a local sandbox", .enabled(if: Machine.canRun && Probe.isPossible, "needs python3"))
struct EscapeTests {
    /// What every program starts with: `attempt` reports what was not refused, `call` makes a system call by its numbers on x86-64 and arm64.
    private static let prelude = """
        import ctypes, errno, glob, os, platform, signal, socket, stat, struct, sys
        libc = ctypes.CDLL(None, use_errno=True)
        x86 = platform.machine() == "x86_64"
        count = 0
        def attempt(label, body):
            global count
            count += 1
            try: result = body()
            except (OSError, ValueError) as error: return
            print("NOT REFUSED", label, result)
        def call(a, b, *arguments):
            result = libc.syscall(ctypes.c_long(a if x86 else b), *[ctypes.c_long(x) if isinstance(x, int) else x for x in arguments])
            if result < 0: raise OSError(ctypes.get_errno(), "refused")
            return result
        def alone(body):  # Ended by the kernel at once is as good as refused.
            child = os.fork()
            if child == 0: os._exit(0 if body() >= 0 else 1)
            if os.waitpid(child, 0)[1] != 0: raise OSError(errno.ENOSYS, "refused")

        """

    private func attack(_ occasion: Occasion, _ program: String, atLeast count: Int) async throws {
        try await occasion.run { _, sandbox in
            let who = "access = \(occasion.user == nil ? "False" : "True"); root = os.getuid() == 0\n"
            let result = try await sandbox.python(Self.prelude + who + program + "\nprint('tried', count)", as: occasion.user)
            let lines = result.stdout.split(separator: "\n")
            #expect(lines.dropLast() == [])
            let tried = try #require(lines.last?.split(separator: " ").last.flatMap { Int($0) })
            #expect(tried >= count)
            #expect(try await sandbox.sh("echo alive").stdout == "alive\n")
        }
    }

    @Test("files of the machine's and of other processes'", arguments: Occasion.all)
    func files(occasion: Occasion) async throws {
        try await attack(
            occasion,
            """
            own = ["/run", "/var", "/etc/shadow", "/etc/gshadow", "/root", "/proc/self/root/../etc/shadow", "/proc/thread-self/root/root"]
            # There with root access, and the sandbox's own.
            for path in [] if root else own[2:] if access else own: attempt(path, lambda: os.listdir(path) if os.path.isdir(path) else open(path).read())
            for path in ["/proc/1/environ", "/proc/1/mem", "/proc/1/root/etc/shadow",
                         "/proc/1/cwd", "/proc/1/exe", "/proc/1/map_files", "/proc/1/auxv", "/proc/1/stack", "/proc/1/syscall", "/proc/kcore",
                         "/proc/kmsg", "/proc/kpagecount", "/proc/slabinfo", "/proc/vmallocinfo", "/proc/sysrq-trigger", "/dev/kmsg",
                         "/dev/mem", "/dev/kvm", "/dev/fuse", "/dev/loop-control", "/dev/net/tun", "/sys/kernel", "/sys/fs/cgroup"]:
                def read(path=path):
                    if os.path.isdir(path): return os.listdir(path)
                    return open(path, "rb").read(64)
                attempt(path, read)
            # Root inside sees how many there are.
            if not root: attempt("/proc/1/fd", lambda: os.listdir("/proc/1/fd"))
            for number in range(12): attempt(f"/proc/1/fd/{number}", lambda: os.readlink(f"/proc/1/fd/{number}"))
            for top, directories, names in os.walk("/proc/sys"):
                for name in names:
                    path = os.path.join(top, name)
                    attempt("write " + path, lambda: os.close(os.open(path, os.O_WRONLY)))
            for path in ["/proc/1/oom_score_adj", "/proc/1/uid_map", "/proc/self/uid_map", "/proc/self/gid_map", "/proc/irq", "/proc/bus",
                         "/proc/acpi/wakeup", "/proc/mtrr", "/proc/1/comm", "/proc/fs/ext4"]:
                def write(path=path):
                    with open(path, "wb", 0) as file: return file.write(b"0 0 1")
                attempt("write " + path, write)
            symbols = [line for line in open("/proc/kallsyms") if not line.startswith("0" * 16)] if os.path.exists("/proc/kallsyms") else []
            attempt("kernel addresses", lambda: symbols[0] if symbols else open("/nowhere"))
            """, atLeast: 300)
    }

    @Test("system calls that widen what a process may do", arguments: Occasion.all)
    func systemCalls(occasion: Occasion) async throws {
        try await attack(
            occasion,
            """
            text = ctypes.create_string_buffer
            attempt("mount", lambda: call(165, 40, b"none", b"/tmp", b"tmpfs", 0, 0))
            attempt("bind", lambda: call(165, 40, b"/usr", b"/tmp", b"", 4096, 0))
            attempt("remount", lambda: call(165, 40, b"none", b"/usr", b"", 32 | 4096, 0))
            attempt("umount", lambda: call(166, 39, b"/etc", 2))
            attempt("pivot_root", lambda: call(155, 41, b"/tmp", b"/tmp"))
            attempt("chroot", lambda: os.chroot("/tmp"))
            for kind in (0x80, 0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000, 0x7e020000):
                attempt(f"unshare {kind:x}", lambda: call(272, 97, kind))
                def clone():
                    child = call(56, 220, kind | signal.SIGCHLD, 0, 0, 0, 0)
                    if child == 0: os._exit(0)
                    return child
                attempt(f"clone {kind:x}", clone)
            arguments = struct.pack("QQQQQQQQQQQ", 0x10000000, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, 0, 0, 0)
            attempt("clone3", lambda: call(435, 435, text(arguments), 88))
            for name in os.listdir("/proc/self/ns"):
                for who in ("1", "self"):
                    def enter(path=f"/proc/{who}/ns/{name}"):
                        fd = os.open(path, os.O_RDONLY)
                        return call(308, 268, fd, 0)
                    attempt(f"setns {who} {name}", enter)
            attempt("setns pidfd", lambda: call(308, 268, os.pidfd_open(1), 0x20000))
            attempt("add_key", lambda: call(248, 217, b"user", b"a", b"b", 1, -3))
            attempt("keyctl", lambda: call(250, 219, 0, -3, 1))
            attempt("request_key", lambda: call(249, 218, b"user", b"a", 0, 0))
            attempt("bpf", lambda: call(321, 280, 0, text(128), 128))
            attempt("userfaultfd", lambda: call(323, 282, 0))
            attempt("userfaultfd user", lambda: call(323, 282, 1))
            attempt("io_uring", lambda: call(425, 425, 4, text(256)))
            attempt("io_uring enter", lambda: call(426, 426, 3, 0, 0, 0, 0, 0))
            attempt("perf", lambda: call(298, 241, text(128), 0, -1, -1, 0))
            attempt("open_by_handle_at", lambda: call(304, 265, os.open("/tmp", 0), text(136), 0))
            attempt("module", lambda: call(175, 105, text(16), 16, b""))
            attempt("kexec", lambda: call(246, 104, 0, 0, 0, 0))
            attempt("reboot", lambda: call(169, 142, 0xfee1dead, 672274793, 0))
            attempt("swapon", lambda: call(167, 224, b"/tmp/x", 0))
            attempt("hostname", lambda: socket.sethostname("x"))
            attempt("time", lambda: call(227, 112, 0, text(16)))
            attempt("fsopen", lambda: call(430, 430, b"tmpfs", 0))
            attempt("open_tree", lambda: call(428, 428, -100, b"/", 1))
            attempt("move_mount", lambda: call(429, 429, -100, b"/tmp", -100, b"/workspace", 0))
            attempt("mount_setattr", lambda: call(442, 442, -100, b"/usr", 0, text(32), 32))
            attempt("fanotify", lambda: call(300, 262, 0, 0))
            attempt("quotactl", lambda: call(179, 60, 0x800002 << 8, 0, 0, text(64)))
            attempt("syslog", lambda: call(103, 116, 3, text(64), 64))
            attempt("personality", lambda: call(135, 92, 0x0400000))
            attempt("acct", lambda: call(163, 89, b"/tmp/acct"))
            # Root may be anybody inside, and nobody else.
            other = 70000 if root else 0
            attempt("setuid", lambda: os.setuid(other))
            attempt("setgid", lambda: os.setgid(other))
            attempt("setresuid", lambda: os.setresuid(other or 1, other or 1, other or 1))
            attempt("setgroups", lambda: os.setgroups([other]))
            attempt("capset", lambda: call(126, 91, text(struct.pack("II", 0x20080522, 0)), text(struct.pack("IIIIII", *[0xffffffff] * 6))))
            attempt("nice", lambda: os.nice(-5))
            attempt("realtime", lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50)))
            attempt("securebits", lambda: (libc.prctl(28, 1, 0, 0, 0) == 0) or open("/nowhere"))
            attempt("ambient", lambda: (libc.prctl(47, 2, 21, 0, 0) == 0) or open("/nowhere"))
            attempt("new privileges", lambda: (libc.prctl(38, 0, 0, 0, 0) == 0) or open("/nowhere"))
            for family in range(0, 46):
                if family in (1, 2, 10, 16): continue
                for kind in (1, 2, 3, 5): attempt(f"socket {family} {kind}", lambda: socket.socket(family, kind, 0))
            for family in (2, 10):
                for protocol in (1, 6, 17, 58, 255): attempt(f"raw {family} {protocol}", lambda: socket.socket(family, 3, protocol))
            for protocol in range(1, 23): attempt(f"netlink {protocol}", lambda: socket.socket(16, 3, protocol))
            if x86:
                attempt("x32", lambda: alone(lambda: libc.syscall(ctypes.c_long(0x40000000 + 39))))
                attempt("modify_ldt", lambda: call(154, 0, 1, text(16), 16))
                attempt("iopl", lambda: call(172, 0, 3))
                attempt("ioperm", lambda: call(173, 0, 0x70, 2, 1))
                # The 32-bit interface: getpid, then mount, by int 0x80.
                import mmap
                page = mmap.mmap(-1, 4096, prot=7)
                page.write(bytes([0x53, 0xb8]) + struct.pack("i", 20) + bytes([0xcd, 0x80, 0x5b, 0xc3]))
                function = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
                attempt("int 0x80", lambda: alone(function))
            """, atLeast: 280)
    }

    @Test("the agent beside the code", arguments: Occasion.all)
    func agent(occasion: Occasion) async throws {
        try await attack(
            occasion,
            """
            attempt("ptrace attach", lambda: call(101, 117, 16, 1, 0, 0))
            attempt("ptrace seize", lambda: call(101, 117, 0x4206, 1, 0, 0))
            buffer = ctypes.create_string_buffer(64)
            vector = struct.pack("QQ", ctypes.addressof(buffer), 64)
            remote = struct.pack("QQ", 0x400000, 64)
            attempt("process_vm_readv", lambda: call(310, 270, 1, vector, 1, remote, 1, 0))
            attempt("process_vm_writev", lambda: call(311, 271, 1, vector, 1, remote, 1, 0))
            descriptor = os.pidfd_open(1)
            for number in range(0, 64): attempt(f"pidfd_getfd {number}", lambda: call(438, 438, descriptor, number, 0))
            attempt("kcmp", lambda: call(312, 272, 1, os.getpid(), 0, 0, 0))
            attempt("prlimit", lambda: call(302, 261, 1, 7, struct.pack("QQ", 1, 1), 0))
            attempt("process_madvise", lambda: call(440, 440, descriptor, remote, 1, 21, 0))
            attempt("migrate", lambda: call(256, 238, 1, 64, b"\\0" * 8, b"\\0" * 8))
            # Not refused, but without effect on the first process of a namespace.
            for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTSTP, signal.SIGABRT, signal.SIGSEGV, signal.SIGUSR1, signal.SIGHUP):
                try:
                    os.kill(1, number)
                    signal.pidfd_send_signal(descriptor, number)
                except PermissionError:
                    if not access or root: raise
            """, atLeast: 65)
    }

    @Test("device files, links and owners", arguments: Occasion.all)
    func nodes(occasion: Occasion) async throws {
        try await attack(
            occasion,
            """
            for directory in ("/workspace", "/tmp", "/dev/shm", "/home/user", "/dev"):
                for kind, major, minor in ((stat.S_IFBLK, 254, 0), (stat.S_IFBLK, 7, 0), (stat.S_IFCHR, 1, 1), (stat.S_IFCHR, 10, 237)):
                    attempt(f"mknod {directory} {major}:{minor}",
                            lambda: os.mknod(f"{directory}/node", kind | 0o666, os.makedev(major, minor)))
                path = f"{directory}/file"
                # With root access it is a file of the sandbox's.
                if not access: attempt(f"link {directory}", lambda: os.link("/etc/passwd", f"{directory}/link"))
                if directory == "/dev": continue
                open(path, "w").write("x")
                attempt(f"chown {directory}", lambda: os.chown(path, 70000 if root else 0, 0))
                attempt(f"chgrp {directory}", lambda: os.chown(path, -1, 70000 if root else 4))
                # Immutable and append-only files could not be removed.
                def flags(value):
                    import fcntl
                    with open(path) as file: fcntl.ioctl(file, 0x40086602, struct.pack("L", value))
                attempt(f"immutable {directory}", lambda: flags(0x10))
                attempt(f"append {directory}", lambda: flags(0x20))
                attempt(f"trusted {directory}", lambda: os.setxattr(path, "trusted.x", b"y"))
                attempt(f"security {directory}", lambda: os.setxattr(path, "security.capability", struct.pack("<IIIII", 0x2000001, 0xffffffff, 0, 0xffffffff, 0)))
                # A program with the set-uid bit gives nothing.
                os.chmod(path, 0o6777)
            import shutil, subprocess
            for program in ("su", "mount", "passwd", "sudo", "newgrp", "chsh"):
                found = shutil.which(program)
                if found and os.stat(found).st_mode & stat.S_ISUID:
                    subprocess.run([found, "--help"], capture_output=True)
            shutil.copy("/usr/bin/id", "/tmp/id"); os.chmod("/tmp/id", 0o6755)
            if not root: attempt("set-uid", lambda: subprocess.run(["/tmp/id", "-u"], capture_output=True, text=True).stdout.strip() == "1000" and open("/nowhere"))
            """, atLeast: 40)
    }

    @Test(
        "what one sandbox leaves in the kernel, the next with the same user does not find", .enabled(if: Machine.isRoot, Machine.whyRoot),
        arguments: [SandboxSpec(command: ["sh"])] + (Machine.canRoot ? [.withRoot] : []))
    func leftovers(spec: SandboxSpec) async throws {
        // One user id for all.
        let only: Range<UInt32> = 1_879_048_192..<1_879_113_728
        try await Playground.run({ ($0.userIDs, $0.rootUserIDs) = (310_000..<310_002, only) }) { playground in
            let leave = """
                import ctypes, os, socket
                libc = ctypes.CDLL(None, use_errno=True)
                libc.shmget(77, 4096, 0o1666); libc.semget(77, 1, 0o1666); libc.msgget(77, 0o1666)
                libc.mq_open(b"/left", os.O_CREAT | os.O_RDWR, 0o666, None)
                for directory in ("/tmp", "/dev/shm", "/workspace", "/home/user", "/var/tmp"):
                    try: open(directory + "/left", "w").write("x")
                    except OSError: pass
                s = socket.socket(socket.AF_UNIX); s.bind("\\0left"); s.listen()
                print("left", flush=True)
                import time
                \("time.sleep(1000)")
                """
            let find = """
                import ctypes, os, socket
                libc = ctypes.CDLL(None, use_errno=True)
                print(libc.shmget(77, 4096, 0), libc.semget(77, 1, 0), libc.msgget(77, 0), libc.mq_open(b"/left", os.O_RDWR))
                print([d for d in ("/tmp", "/dev/shm", "/workspace", "/home/user", "/dev/mqueue") if os.path.exists(d + "/left")])
                try: socket.socket(socket.AF_UNIX).connect("\\0left"); print("heard")
                except OSError: print("alone")
                """
            let first = try await playground.sandbox(spec)
            let process = try await first.start(Command(["/usr/bin/python3", "-c", leave]))
            var events = process.events.makeAsyncIterator()
            while let event = try await events.next(isolation: nil) { if case .stdout = event { break } }
            #expect(await providerError { _ = try await playground.sandbox(spec) }?.code == .noCapacity)
            try await first.kill()
            let second = try await playground.sandbox(spec)
            #expect(try await second.python(find).stdout == "-1 -1 -1 -1\n[]\nalone\n")
        }
    }

    @Test("neighbours can't be seen, signalled or traced, also by a guessed pid", arguments: [nil] + Occasion.withRoot.map(\.user))
    func neighbours(user: String?) async throws {
        try await Playground.run { playground in
            var spec = SandboxSpec(command: ["sh"])
            spec.rootAccess = user != nil
            let (first, second) = (try await playground.sandbox(), try await playground.sandbox(spec))
            let victim = try await first.start(Command(["sleep", "1000"]))
            let program =
                Self.prelude + """
                    import time
                    seen = [int(p) for p in os.listdir("/proc") if p.isdigit()]
                    print("others", [p for p in seen if p not in (1, os.getpid())])
                    reached = 0
                    for pid in range(2, 40000):
                        if pid == os.getpid(): continue
                        try: os.kill(pid, 0); reached += 1
                        except OSError: pass
                        if libc.ptrace(16, pid, 0, 0) == 0: reached += 1
                    try: os.kill(-1, signal.SIGKILL)
                    except OSError: pass
                    print("reached", reached)
                    """
            #expect(try await second.python(program, as: user).stdout == "others []\nreached 0\n")
            #expect(try await first.sh("ps -e -o comm= | grep -c sleep").stdout == "1\n")
            _ = victim
        }
    }
}
#endif
