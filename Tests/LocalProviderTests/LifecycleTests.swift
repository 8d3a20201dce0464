#if os(Linux)
import Glibc
import FoundationEssentials
import NIOCore
import SandstormCore
import Testing

@testable import LocalProvider

@Suite("Life of a local sandbox", .enabled(if: Machine.canRun, Machine.why))
struct LifecycleTests {
    @Test("twenty at once do not get in each other's way")
    func many() async throws {
        try await Playground.run { playground in
            let outputs = try await withThrowingTaskGroup(of: String.self) { group in
                for index in 0..<20 {
                    group.addTask {
                        let sandbox = try await playground.sandbox()
                        return try await sandbox.sh("echo \(index) > f; sleep 0.05; cat f").stdout
                    }
                }
                return try await group.reduce(into: Set<String>()) { $0.insert($1) }
            }
            #expect(outputs == Set((0..<20).map { "\($0)\n" }))
            #expect(try await playground.provider.sandboxes(taggedBy: playground.gateway).count == 20)
        }
    }

    @Test("killing ends every wait, twice is as good as once, and then it is gone")
    func kill() async throws {
        try await Playground.run { playground in
            let sandbox = try await playground.sandbox()
            let process = try await sandbox.start(Command(["sleep", "1000"]))
            let events = Task { try await process.transcript() }
            let stuffed = try await sandbox.start(Command(["sleep", "1000"]))
            let writing = Task { for _ in 0..<100 { try await stuffed.write(ByteBuffer(repeating: 0, count: 65_536)) } }
            async let first: Void = sandbox.kill()
            async let second: Void = sandbox.kill()
            _ = try await (first, second)
            try await sandbox.kill()
            let error = await providerError { _ = try await events.value }
            #expect(error?.code == .interrupted)
            #expect(error?.afterStart == true)
            #expect(await providerError { try await writing.value }?.code == .interrupted)
            #expect(await providerError { _ = try await sandbox.start(Command(["true"])) }?.code == .notFound)
            #expect(await eventually { Remainders(of: playground.directory).isEmpty })
            #expect(await providerError { _ = try await playground.provider.attach(sandbox.id) }?.code == .notFound)
            #expect(try await playground.provider.sandboxes(taggedBy: playground.gateway).isEmpty)
        }
    }

    @Test("when the agent dies, the sandbox's processes are interrupted")
    func agentDies() async throws {
        try await Playground.run { playground in
            let sandbox = try await playground.sandbox()
            let process = try await sandbox.start(Command(["sleep", "1000"]))
            let launcher = try #require(playground.journal(of: sandbox)?.process)
            for pid in launcher.children { _ = Glibc.kill(pid, SIGKILL) }
            let error = await providerError { _ = try await process.transcript() }
            #expect(error?.code == .interrupted)
            #expect(error?.afterStart == true)
            #expect(error?.outOfMemory == false)
            let start = await providerError { _ = try await sandbox.start(Command(["true"])) }
            #expect(start?.code == .interrupted)
            #expect(start?.afterStart == false)
            // No zombie stays behind, even before the sandbox is killed.
            #expect(await eventually { !HostFile.exists("/proc/\(launcher.pid)") })
        }
    }

    @Test("code in the sandbox can't keep it from being killed")
    func stubborn() async throws {
        try await Playground.run { playground in
            let sandbox = try await playground.sandbox()
            // Ignores what can be ignored, in sessions of their own, and stops the agent.
            let line =
                "trap '' TERM HUP INT QUIT; for i in 1 2 3; do setsid sh -c 'trap \"\" TERM HUP; while :; do sleep 1; done' & done; kill -STOP 1; wait"
            let process = try await sandbox.start(Command(["/bin/sh", "-c", line]))
            let journal = try #require(playground.journal(of: sandbox))
            if let group = journal.group { #expect(await eventually { group.processes.count >= 6 }) }
            try await sandbox.kill()
            #expect(journal.group?.processes.isEmpty ?? true)
            #expect(journal.process?.isAlive == false)
            _ = process
        }
    }

    @Test("after a crash of the gateway its sandboxes are listed and can be killed")
    func crash() async throws {
        let directory = "/tmp/sandstorm-test-\(UInt64.random(in: .min ... .max))"
        defer { HostFile.removeTree(directory) }
        let gateway = GatewayID.generate()
        let tag = SandboxTag(gateway: gateway, run: .generate(), attempt: .generate(), sandbox: .generate())
        let first = await LocalProvider(configuration: Playground.configuration(directory))
        let spec = SandboxSpec(command: ["sh"])
        let sandbox = try await first.create(spec, on: try #require(first.offers(for: spec).first), tag: tag)
        let process = try await sandbox.start(Command(["/bin/sh", "-c", "trap '' TERM HUP; while :; do sleep 1; done"]))

        // To another process the first one's sandboxes look the same, whether it still runs or not.
        let second = await LocalProvider(configuration: Playground.configuration(directory))
        let records = try await second.sandboxes(taggedBy: gateway)
        #expect(records.map(\.tag) == [tag])
        #expect(records.map(\.id) == [sandbox.id])
        #expect(try await second.sandboxes(taggedBy: .generate()).isEmpty)
        #expect(await providerError { _ = try await second.attach(sandbox.id) }?.code == .notFound)
        let journal = try #require(SandboxJournal(in: "\(directory)/local/\(sandbox.id)"))
        try await second.destroy(sandbox.id)
        try await second.destroy(sandbox.id)
        #expect(journal.process?.isAlive == false)
        #expect(journal.group?.processes.isEmpty ?? true)
        #expect(journal.group?.directories.values.allSatisfy { !HostFile.exists($0) } ?? true)
        #expect(await eventually { Remainders(of: directory).isEmpty })
        #expect(await providerError { _ = try await process.transcript() }?.code == .interrupted)
        try await sandbox.kill()
    }

    @Test("a sandbox that is let go without being killed ends, and stays on the list")
    func letGo() async throws {
        let directory = "/tmp/sandstorm-test-\(UInt64.random(in: .min ... .max))"
        defer { HostFile.removeTree(directory) }
        let gateway = GatewayID.generate()
        func makeAndForget() async throws -> ProcessIdentity {
            let provider = await LocalProvider(configuration: Playground.configuration(directory))
            let spec = SandboxSpec(command: ["sh"])
            let tag = SandboxTag(gateway: gateway, run: .generate(), attempt: .generate(), sandbox: .generate())
            let sandbox = try await provider.create(spec, on: try #require(provider.offers(for: spec).first), tag: tag)
            return try #require(SandboxJournal(in: "\(directory)/local/\(sandbox.id)")?.process)
        }
        let process = try await makeAndForget()
        #expect(await eventually { !HostFile.exists("/proc/\(process.pid)") })
        let provider = await LocalProvider(configuration: Playground.configuration(directory))
        let record = try #require(try await provider.sandboxes(taggedBy: gateway).first)
        try await provider.destroy(record.id)
        #expect(await eventually { Remainders(of: directory).isEmpty })
    }

    @Test("a state directory that others can't get to will do", .enabled(if: Machine.isRoot, Machine.whyRoot))
    func closedDirectory() async throws {
        let parent = "/tmp/sandstorm-test-\(UInt64.random(in: .min ... .max))"
        defer { HostFile.removeTree(parent) }
        try HostFile.makeDirectories(parent, mode: 0o700)
        try await Playground.run({ $0.stateDirectory = "\(parent)/local" }) { playground in
            let sandbox = try await playground.sandbox()
            let journal = try #require(SandboxJournal(in: "\(parent)/local/\(sandbox.id)"))
            #expect(try await sandbox.sh("echo x > f; cat f").stdout == "x\n")
            try await sandbox.kill()
            if let mountPoint = journal.mountPoint { #expect(!HostFile.exists(mountPoint)) }
            #expect(await eventually { Remainders(of: parent).isEmpty })
        }
    }

    @Test("a journal's pid that is another process by now is left alone")
    func reusedPid() async throws {
        try await Playground.run { playground in
            let directory = "\(playground.directory)/local/local-old"
            try HostFile.makeDirectories(directory)
            let bystander = try ChildProcess.spawn(["/bin/sleep", "1000"], ChildProcess.Descriptors())
            defer {
                bystander.kill()
                _ = bystander.reap(within: .seconds(5))
            }
            var journal = SandboxJournal(id: "local-old", tag: playground.tag(), createdAt: .now, directory: directory)
            journal.process = ProcessIdentity(pid: bystander.pid, startTime: 1)
            try journal.write()
            try await playground.provider.destroy(ProviderSandboxID("local-old"))
            #expect(bystander.reap() == nil)
            #expect(!HostFile.exists(directory))
        }
    }

    @Test("an id that is a path finds nothing", arguments: ["../local", "local-x/../../..", "", "local-"])
    func strangeIDs(id: String) async throws {
        try await Playground.run { playground in
            #expect(await providerError { _ = try await playground.provider.attach(ProviderSandboxID(id)) }?.code == .notFound)
        }
    }

    @Test("no more sandboxes than allowed")
    func limit() async throws {
        try await Playground.run({ $0.maximumSandboxes = 2 }) { playground in
            let first = try await playground.sandbox()
            _ = try await playground.sandbox()
            #expect(await providerError { _ = try await playground.sandbox() }?.code == .noCapacity)
            try await first.kill()
            _ = try await playground.sandbox()
        }
    }

    @Test("a launcher that does not work here gives no level, and the doctor says why")
    func failedProbe() async throws {
        // There is no place for it in the sandbox's own /etc.
        try await Playground.run({ $0.readOnlyPaths = ["/etc/shadow"] }) { playground in
            #expect(playground.provider.offers(for: SandboxSpec(command: ["sh"])).isEmpty)
            let reason = try #require(playground.provider.diagnose().first { $0.id == "isolation.standard" })
            #expect(reason.state == .missing)
            #expect(reason.mechanism.contains("does not work"))
        }
    }

    @Test("a launch that fails says why and leaves nothing", arguments: ["#!/bin/sh\necho no luck >&2\nexit 1\n", nil])
    func failedLaunch(agent: String?) async throws {
        try await Playground.run { playground in
            let path = try playground.provider.host.get().agent
            unlink(path)
            if let agent { try HostFile.create(path, Array(agent.utf8), mode: 0o755) }
            let error = await providerError { _ = try await playground.sandbox() }
            #expect(error?.code == .unavailable)
            if agent != nil { #expect(error?.message.contains("no luck") == true) }
            #expect(await eventually { Remainders(of: playground.directory).isEmpty })
        }
    }
}
#endif
