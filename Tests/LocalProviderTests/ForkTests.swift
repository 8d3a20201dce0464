#if os(Linux)
import NIOCore
import SandstormCore
import Testing

@testable import LocalProvider

@Suite("Forks of a local sandbox", .serialized, .enabled(if: Machine.canRun && Machine.canCopyDisks, Machine.whyCopy))
struct ForkTests {
    @Test("a fork has the files and the limits, and goes its own way", arguments: Machine.levels)
    func fork(level: IsolationLevel) async throws {
        try await Playground.runEveryLevel { playground in
            let original = try await playground.sandbox(level)
            _ = try await original.sh("echo one > f; echo h > ~/h")
            let tag = playground.tag()
            let fork = try await original.fork(tag: tag)
            #expect(fork.id != original.id)
            #expect(try await playground.provider.sandboxes(taggedBy: playground.gateway).contains { $0.id == fork.id && $0.tag == tag })
            _ = try await original.sh("echo two > f")
            #expect(try await fork.sh("cat f ~/h; stat -c %u f; echo three > f; cat f").stdout == "one\nh\n1000\nthree\n")
            #expect(try await original.sh("cat f").stdout == "two\n")
            #expect(try await fork.usage().memoryLimit == 256 << 20)
            try await original.kill()
            // Forks have forks.
            let second = try await playground.fork(fork)
            #expect(try await second.sh("cat f").stdout == "three\n")
            try await fork.kill()
        }
    }

    @Test("twenty at once, of a sandbox that writes all the time")
    func many() async throws {
        try await Playground.run { playground in
            let original = try await playground.sandbox()
            let process = try await original.start(Command(["/bin/sh", "-c", "echo x > mark; while :; do date > f; rm f; done"]))
            #expect(try await eventually { (try? await original.files.read("mark", upTo: 10)) != nil })
            let outputs = try await withThrowingTaskGroup(of: String.self) { group in
                for index in 0..<20 {
                    group.addTask {
                        let fork = try await playground.fork(original)
                        return try await fork.sh("echo \(index) >> mark; cat mark").stdout
                    }
                }
                return try await group.reduce(into: Set<String>()) { $0.insert($1) }
            }
            #expect(outputs == Set((0..<20).map { "x\n\($0)\n" }))
            #expect(try await original.sh("echo alive").stdout == "alive\n")
            #expect(try await playground.provider.sandboxes(taggedBy: playground.gateway).count == 21)
            _ = process
        }
    }

    @Test("it counts against the number of sandboxes")
    func limit() async throws {
        try await Playground.run({ $0.maximumSandboxes = 2 }) { playground in
            let original = try await playground.sandbox()
            let fork = try await playground.fork(original)
            #expect(await providerError { _ = try await playground.fork(original) }?.code == .noCapacity)
            try await fork.kill()
            _ = try await playground.fork(original)
        }
    }

    @Test("cancelled or killed in whatever phase, it leaves nothing", arguments: [false, true])
    func interrupted(byKill: Bool) async throws {
        try await Playground.run { playground in
            for round in 0..<16 {
                let sandbox = try await playground.sandbox()
                _ = try await sandbox.sh("head -c 30000000 /dev/urandom > big")
                let forking = Task { try await playground.fork(sandbox) }
                try await Task.sleep(for: .milliseconds(round * 4))
                if byKill { try await sandbox.kill() } else { forking.cancel() }
                switch await forking.result {
                case .success(let fork):
                    #expect(try await fork.sh("stat -c %s big").stdout == "30000000\n")
                    try await fork.kill()
                case .failure(let error):
                    #expect((error as? ProviderError)?.code == (byKill ? .notFound : .interrupted), "\(error)")
                }
                if !byKill {
                    #expect(try await sandbox.sh("echo alive").stdout == "alive\n")
                    try await sandbox.kill()
                }
                #expect(await eventually { Remainders(of: playground.directory).isEmpty }, "round \(round)")
            }
        }
    }

    @Test("a fork of what was killed is not found")
    func gone() async throws {
        try await Playground.run { playground in
            let sandbox = try await playground.sandbox()
            try await sandbox.kill()
            #expect(await providerError { _ = try await playground.fork(sandbox) }?.code == .notFound)
        }
    }
}
#endif
