#if os(Linux)
import NIOCore
import SandstormCore
import Testing

@testable import LocalProvider

/// `runc` stands for every OCI runtime: it is the one that can be had everywhere.
@Suite("Sandboxes by an OCI runtime", .enabled(if: Machine.canRun && Machine.isRoot && Machine.hasRunc, "needs root and runc"))
struct RuntimeTests {
    private func run(_ body: (Playground, any Sandbox) async throws -> Void) async throws {
        try await Playground.run({ $0.runtimes[.strong] = "runc" }) { playground in
            var spec = SandboxSpec(command: ["sh"])
            spec.isolation = .strong
            spec.memory = 128
            try await body(playground, try await playground.sandbox(spec))
        }
    }

    @Test("the same sandbox, by another launcher")
    func same() async throws {
        try await run { playground, sandbox in
            let result = try await sandbox.sh(
                "id -u; grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status; pwd; cd; pwd; hostname; tail -n +3 /proc/net/dev | cut -d: -f1"
            )
            #expect(
                result.stdout.split(separator: "\n").map { $0.split(whereSeparator: \.isWhitespace).joined(separator: " ") } == [
                    "1000", "CapEff: 0000000000000000", "NoNewPrivs: 1", "Seccomp: 2", "/workspace", "/home/user", "sandbox", "lo",
                ])
            for directory in ["/workspace", "/tmp", "/home/user", "/dev/shm"] {
                #expect(try await sandbox.sh("echo x > \(directory)/f && cat \(directory)/f").stdout == "x\n", "\(directory)")
            }
            for path in ["/x", "/usr/x", "/etc/x"] { #expect(try await sandbox.sh("echo x > \(path)").code != 0, "\(path)") }
            for path in ["/root", "/var", "/etc/shadow", playground.directory] {
                #expect(try await sandbox.sh("test -e \(path)").code == 1, "\(path)")
            }
            try await sandbox.files.write("a/b", ByteBuffer(string: "c"), mode: 0o600)
            #expect(try await sandbox.files.read("a/b", upTo: 1) == ByteBuffer(string: "c"))
        }
    }

    @Test("its memory limit holds")
    func memory() async throws {
        try await run { playground, sandbox in
            guard playground.enforces(.memory) else { return }
            #expect(await providerError { _ = try await sandbox.sh("exec tail /dev/zero") }?.outOfMemory == true)
        }
    }

    @Test("its disk is full at its size")
    func disk() async throws {
        try await run { _, sandbox in
            let result = try await sandbox.sh("fallocate -l 1100M f")
            #expect(result.stderr.contains("No space left"))
        }
    }

    @Test("killing leaves nothing, and after a crash neither")
    func kill() async throws {
        try await run { playground, sandbox in
            let process = try await sandbox.start(Command(["sleep", "1000"]))
            let journal = try #require(playground.journal(of: sandbox))
            var configuration = Playground.configuration(playground.directory)
            configuration.runtimes[.strong] = "runc"
            let second = await LocalProvider(configuration: configuration)
            try await second.destroy(sandbox.id)
            #expect(await providerError { _ = try await process.transcript() }?.code == .interrupted)
            #expect(HostFile.names(in: "\(playground.directory)/local/oci").isEmpty)
            #expect(journal.group?.directories.values.allSatisfy { !HostFile.exists($0) } ?? true)
        }
    }
}
#endif
