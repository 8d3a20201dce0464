#if os(Linux)
import Glibc
import NIOCore
import SandstormCore
import Testing

@testable import LocalProvider

@Suite("Walls of a local sandbox", .enabled(if: Machine.canRun, Machine.why))
struct ConfinementTests {
    @Test("no capabilities, no new privileges, a filter, an ordinary user")
    func status() async throws {
        try await Playground.run { playground in
            let result = try await playground.sandbox().sh("cat /proc/self/status; id -u; id -g; id -un; cat /proc/1/comm")
            var fields: [Substring: String] = [:]
            for line in result.stdout.split(separator: "\n") {
                let parts = line.split(separator: ":", maxSplits: 1)
                if parts.count == 2 { fields[parts[0]] = parts[1].trimmed }
            }
            for name: Substring in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] { #expect(fields[name] == "0000000000000000") }
            #expect(fields["NoNewPrivs"] == "1")
            #expect(fields["Seccomp"] == "2")
            #expect(result.stdout.split(separator: "\n").suffix(4).prefix(3) == ["1000", "1000", "user"])
        }
    }

    @Test("on the machine it is a user of its own", .enabled(if: Machine.isRoot, Machine.whyRoot))
    func ownUser() async throws {
        try await Playground.run { playground in
            let (first, second) = (try await playground.sandbox(), try await playground.sandbox())
            var users: Set<uid_t> = []
            for sandbox in [first, second] {
                let process = try #require(SandboxJournal(in: "\(playground.directory)/local/\(sandbox.id)")?.process)
                var info = stat()
                try #require(stat("/proc/\(process.pid)", &info) == 0)
                #expect(playground.provider.configuration.userIDs.contains(info.st_uid))
                users.insert(info.st_uid)
            }
            #expect(users.count == 2)
        }
    }

    @Test("no network but a loopback interface of its own")
    func noNetwork() async throws {
        try await Playground.run { playground in
            let sandbox = try await playground.sandbox()
            let devices = try await sandbox.sh("tail -n +3 /proc/net/dev | cut -d: -f1").stdout
            #expect(devices.split(separator: "\n").map(\.trimmed) == ["lo"])
            #expect(try await sandbox.sh("test -e /etc/resolv.conf").code == 1)
        }
    }

    @Test(
        "the system is read-only",
        arguments: [
            "/x", "/usr/x", "/etc/x", "/bin/x", "/dev/x", "/.sandstorm/x", "/proc/sys/kernel/hostname", "/etc/passwd", "/.sandstorm/agent",
        ])
    func readOnly(path: String) async throws {
        try await Playground.run { playground in
            let sandbox = try await playground.sandbox()
            #expect(try await sandbox.sh("echo x > \(path)").code != 0)
            #expect(
                try await sandbox.sh("rm -rf \(path) && ! test -e \(path)").code
                    == (HostFile.exists(path) || path.contains("agent") ? 1 : 0))
        }
    }

    @Test("workspace, home, /tmp and /dev/shm are writable and its own")
    func writable() async throws {
        try await Playground.run { playground in
            let result = try await playground.sandbox().sh(
                "for d in /workspace ~ /tmp /dev/shm; do ls -A $d; echo x > $d/f && cat $d/f; done")
            #expect(result.stdout == "x\nx\nx\nx\n")
            #expect(result.stderr == "")
        }
    }

    @Test("nothing else of the machine can be seen")
    func invisible() async throws {
        try await Playground.run { playground in
            let sandbox = try await playground.sandbox()
            let here = String(#filePath.split(separator: "/").first.map { "/\($0)" } ?? "/")
            for path in [
                "/etc/shadow", "/etc/ssh", "/etc/ssl/private", "/root", "/var", "/run", "/sys", "/opt", "/mnt", "/srv", here,
                playground.directory,
            ]
            where path != "/tmp" {
                #expect(try await sandbox.sh("test -e \(path)").code == 1, "\(path) is visible")
            }
            let top = try await sandbox.sh("ls -A /").stdout.split(separator: "\n")
            let allowed: Set<Substring> = [
                ".sandstorm", "bin", "dev", "etc", "home", "lib", "lib32", "lib64", "libx32", "proc", "sbin", "tmp", "usr", "workspace",
            ]
            #expect(Set(top).subtracting(allowed).isEmpty)
            #expect(try await sandbox.sh("ls -A /home").stdout == "user\n")
            // Where mounts come from tells of directories outside; what it tells is names of this state directory at most.
            let processes = try await sandbox.sh("ls -d /proc/[0-9]* | wc -l").stdout.trimmed
            #expect((Int(processes) ?? 100) <= 5)
        }
    }

    @Test("dangerous system calls are refused", .enabled(if: HostFile.exists("/usr/bin/python3"), "needs python3"))
    func systemCalls() async throws {
        try await Playground.run { playground in
            let sandbox = try await playground.sandbox()
            let program = """
                import ctypes, errno, os, socket, platform
                libc = ctypes.CDLL(None, use_errno=True)
                x86 = platform.machine() == "x86_64"
                numbers = {  # name: (x86-64, arm64)
                    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "unshare": (272, 97), "setns": (308, 268),
                    "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218), "bpf": (321, 280), "perf_event_open": (298, 241),
                    "userfaultfd": (323, 282), "io_uring_setup": (425, 425), "kexec_load": (246, 104), "init_module": (175, 105),
                    "open_by_handle_at": (304, 265), "clone3": (435, 435), "reboot": (169, 142), "fsopen": (430, 430),
                }
                for name, (a, b) in numbers.items():
                    ctypes.set_errno(0)
                    result = libc.syscall(a if x86 else b, 0, 0, 0, 0, 0)
                    print(name, result, errno.errorcode.get(ctypes.get_errno()))
                flags = 0x10000000 | 17
                ctypes.set_errno(0)
                print("clone", libc.syscall(56 if x86 else 220, flags, 0, 0, 0, 0), errno.errorcode.get(ctypes.get_errno()))
                for family in (17, 40, 38, 31, 30):
                    try:
                        socket.socket(family, socket.SOCK_DGRAM, 0)
                        print("socket", family, "made")
                    except OSError as error:
                        print("socket", family, errno.errorcode[error.errno])
                socket.socket(socket.AF_INET6); socket.socket(socket.AF_UNIX); socket.socket(16, socket.SOCK_RAW, 0)
                print("done")
                """
            try await sandbox.files.write("calls.py", ByteBuffer(string: program), mode: 0o644)
            let result = try await sandbox.sh("python3 calls.py")
            #expect(result.stderr == "")
            let lines = result.stdout.split(separator: "\n")
            #expect(lines.last == "done")
            for line in lines.dropLast() {
                #expect(["EPERM", "ENOSYS", "EAFNOSUPPORT"].contains { line.hasSuffix($0) }, "\(line)")
            }
            #expect(lines.contains("clone3 -1 ENOSYS"))
            #expect(lines.contains("mount -1 EPERM"))
        }
    }

    @Test("the policy is the same for every launcher")
    func policy() throws {
        let rules = try #require(SeccompPolicy.oci["syscalls"]?.arrayValue)
        #expect(rules.count == SeccompPolicy.rules.count)
        let names = SeccompPolicy.rules.filter(\.tests.isEmpty).flatMap(\.names)
        #expect(Set(names).count == names.count, "a call stands in the table twice")
        #expect(SeccompPolicy.oci["defaultErrnoRet"] == 38)
    }

    @Test("toolchains of the machine work inside", arguments: Toolchain.all)
    func toolchain(_ toolchain: Toolchain) async throws {
        try await Playground.run { playground in
            // Only what the provider promises.
            guard playground.provider.capabilities.languages?.contains(toolchain.language) == true else { return }
            var spec = SandboxSpec(command: ["sh"])
            spec.memory = 2048
            spec.cpu = 2
            let sandbox = try await playground.sandbox(spec)
            try await sandbox.files.write(toolchain.file, ByteBuffer(string: toolchain.code), mode: 0o644)
            let result = try await sandbox.sh(toolchain.command)
            #expect(result.stdout == "hello 42\n", "\(result.stderr)")
        }
    }
}

/// A program for each language whose toolchain a sandbox may find.
struct Toolchain: Sendable, CustomTestStringConvertible {
    var language: Language
    var file: String
    var code: String
    var command: String
    var testDescription: String { language.rawValue }

    static let all = [
        Toolchain(language: .python, file: "a.py", code: "import ssl, ctypes, sqlite3\nprint('hello', 6 * 7)", command: "python3 a.py"),
        Toolchain(language: .javascript, file: "a.js", code: "console.log('hello', 6 * 7)", command: "node a.js"),
        Toolchain(
            language: .java, file: "A.java",
            code: "class A { public static void main(String[] a) { System.out.println(\"hello \" + 6 * 7); } }",
            command: "javac A.java && java A"),
        Toolchain(
            language: .go, file: "a.go", code: "package main\nimport \"fmt\"\nfunc main() { fmt.Println(\"hello\", 6*7) }",
            command: "go run a.go"),
        Toolchain(language: .rust, file: "a.rs", code: "fn main() { println!(\"hello {}\", 6 * 7) }", command: "rustc a.rs && ./a"),
        Toolchain(
            language: .cpp, file: "a.cpp", code: "#include <iostream>\nint main() { std::cout << \"hello \" << 6 * 7 << \"\\n\"; }",
            command: "c++ a.cpp && ./a.out"),
        Toolchain(
            language: .csharp, file: "a.cs", code: "class A { static void Main() { System.Console.WriteLine(\"hello \" + 6 * 7); } }",
            command: "mcs a.cs && mono a.exe"),
        Toolchain(language: .php, file: "a.php", code: "<?php echo 'hello ', 6 * 7, \"\\n\";", command: "php a.php"),
        Toolchain(language: .ruby, file: "a.rb", code: "require 'json'\nputs \"hello #{6 * 7}\"", command: "ruby a.rb"),
        Toolchain(language: .shell, file: "a.sh", code: "echo hello $((6 * 7))", command: "sh a.sh"),
    ]
}

extension StringProtocol {
    var trimmed: String {
        let start = drop { $0.isWhitespace }
        return String(start.reversed().drop { $0.isWhitespace }.reversed())
    }
}
#endif
