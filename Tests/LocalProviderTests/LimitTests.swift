#if os(Linux)
import NIOCore
import SandstormCore
import Testing

@testable import LocalProvider

@Suite("Limits of a local sandbox", .enabled(if: Machine.canRun && Machine.isRoot, Machine.whyRoot))
struct LimitTests {
    @Test("what takes too much memory ends as out of memory, and the sandbox lives on")
    func memory() async throws {
        try await Playground.run { playground in
            guard playground.enforces(.memory) else { return }
            var spec = SandboxSpec(command: ["sh"])
            spec.memory = 64
            let sandbox = try await playground.sandbox(spec)
            let error = await providerError { _ = try await sandbox.sh("exec tail /dev/zero") }
            #expect(error?.code == .interrupted)
            #expect(error?.outOfMemory == true)
            #expect(error?.afterStart == true)
            let child = await providerError { _ = try await sandbox.sh("tail /dev/zero") }
            #expect(child?.outOfMemory == true)
            #expect(try await sandbox.sh("echo alive").stdout == "alive\n")
            // Killed by itself, not by the kernel.
            #expect(try await sandbox.sh("kill -KILL $$").status?.outcome == .signal(.kill))
        }
    }

    @Test("of several commands at once, the one that died of it is blamed")
    func blame() async throws {
        try await Playground.run { playground in
            guard playground.enforces(.memory) else { return }
            var spec = SandboxSpec(command: ["sh"])
            spec.memory = 64
            let sandbox = try await playground.sandbox(spec)
            let killed = try await sandbox.start(Command(["sleep", "1000"]))
            let waiting = try await sandbox.start(Command(["/bin/sh", "-c", "while [ ! -e done ]; do sleep 0.01; done; echo fine"]))
            // A shell whose child is killed and which goes on has not failed.
            let tolerant = try await sandbox.sh("tail /dev/zero 2>/dev/null; echo $?; echo on")
            #expect(tolerant.stdout == "137\non\n")
            #expect(await providerError { _ = try await sandbox.sh("tail /dev/zero") }?.outOfMemory == true)
            try await killed.signal(.kill)
            #expect(try await killed.transcript().status?.outcome == .signal(.kill))
            _ = try await sandbox.sh("touch done")
            #expect(try await waiting.transcript().stdout == "fine\n")
            // What happened before a command started is not its fault.
            #expect(try await sandbox.sh("kill -KILL $$").status?.outcome == .signal(.kill))
            // Both start together; one of them eats.
            async let eater = providerError { _ = try await sandbox.sh("exec tail /dev/zero") }
            async let failing = sandbox.sh("sleep 0.2; exit 3")
            #expect(await eater?.outOfMemory == true)
            #expect(try await failing.code == 3)
        }
    }

    @Test("files in memory count as memory")
    func sharedMemory() async throws {
        try await Playground.run { playground in
            guard playground.enforces(.memory) else { return }
            var spec = SandboxSpec(command: ["sh"])
            spec.memory = 64
            let sandbox = try await playground.sandbox(spec)
            let error = await providerError { _ = try await sandbox.sh("exec head -c 200000000 /dev/zero > /dev/shm/x") }
            #expect(error?.outOfMemory == true)
        }
    }

    @Test("no more processes than allowed")
    func processes() async throws {
        try await Playground.run({ $0.maximumProcesses = 64 }) { playground in
            guard playground.enforces(.pids) else { return }
            let sandbox = try await playground.sandbox()
            let bomb = try await sandbox.start(
                Command(["/bin/sh", "-c", "i=0; while [ $i -lt 1000 ]; do (sleep 1000 &); i=$((i+1)); done"]))
            let group = try #require(playground.journal(of: sandbox)?.group)
            #expect(await eventually { group.processes.count >= 40 })
            #expect(try #require(group.count) <= 64)
            try await sandbox.kill()
            #expect(group.processes.isEmpty)
            _ = bomb
        }
    }

    @Test("a full disk is full at its size", arguments: ["/workspace", "/tmp", "/home/user"])
    func disk(directory: String) async throws {
        try await Playground.run { playground in
            let sandbox = try await playground.sandbox()
            let result = try await sandbox.sh(
                "fallocate -l 600M \(directory)/a && fallocate -l 600M /workspace/b; echo $?; rm -f \(directory)/a && echo ok")
            #expect(result.stderr.contains("No space left on device"))
            #expect(result.stdout == "1\nok\n")
        }
    }

    @Test("cpu and memory limits are those of the spec")
    func values() async throws {
        try await Playground.run { playground in
            guard let groups = try playground.provider.host.get().groups, !groups.isUnified else { return }
            var spec = SandboxSpec(command: ["sh"])
            (spec.cpu, spec.memory) = (0.25, 100)
            let group = try #require(playground.journal(of: try await playground.sandbox(spec))?.group)
            func value(_ controller: ControlGroups.Controller, _ file: String) -> String? {
                group.directories[controller].flatMap { HostFile.text("\($0)/\(file)")?.trimmed }
            }
            #expect(value(.cpu, "cpu.cfs_quota_us") == "25000")
            #expect(value(.cpu, "cpu.cfs_period_us") == "100000")
            #expect(value(.memory, "memory.limit_in_bytes") == "\(100 << 20)")
        }
    }

    @Test("a small cpu share slows down")
    func cpu() async throws {
        try await Playground.run { playground in
            guard playground.enforces(.cpu) else { return }
            var spec = SandboxSpec(command: ["sh"])
            spec.cpu = 0.2
            let sandbox = try await playground.sandbox(spec)
            let start = ContinuousClock.now
            let result = try await sandbox.sh("i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done")
            let elapsed = ContinuousClock.now - start
            let used = try #require(result.status?.cpuTime)
            #expect(elapsed.inSeconds > used.inSeconds * 3)
        }
    }
}

extension Playground {
    func enforces(_ controller: ControlGroups.Controller) -> Bool {
        (try? provider.host.get())?.groups?.enforces.contains(controller) ?? false
    }

    func journal(of sandbox: any Sandbox) -> SandboxJournal? { SandboxJournal(in: "\(directory)/local/\(sandbox.id)") }
}
#endif
