#if os(Linux)
import NIOCore
import SandstormCore
import Testing

@testable import LocalProvider

@Suite("What a local sandbox uses", .enabled(if: Machine.canRun, Machine.why))
struct UsageTests {
    @Test("cpu, memory, processes and disk are told", arguments: Machine.levels)
    func all(level: IsolationLevel) async throws {
        try await Playground.runEveryLevel { playground in
            guard playground.provider.capabilities.usage else { return }
            let sandbox = try await playground.sandbox(level)
            let first = try await sandbox.usage()
            #expect(first.memoryLimit == 256 << 20)
            _ = try await sandbox.sh(
                "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; head -c 30000000 /dev/urandom > f; head -c 20000000 /dev/zero > /dev/shm/x"
            )
            let process = try await sandbox.start(Command(["/bin/sh", "-c", "sleep 1000 & sleep 1000 & echo; wait"]))
            var iterator = process.events.makeAsyncIterator()
            while let event = try await iterator.next(), event != .stdout(.init(string: "\n")) {}
            let second = try await sandbox.usage()
            if playground.enforces(.cpuacct) || playground.enforces(.cpu) {
                #expect(try #require(second.cpuTime) - (try #require(first.cpuTime)) > .milliseconds(20))
            }
            #expect(try #require(second.memory) >= 20_000_000)
            #expect(try #require(second.peakMemory) >= (try #require(second.memory)) - (1 << 20))
            #expect(try #require(second.processes) >= (try #require(first.processes)) + 3)
            if let disk = second.disk, let before = first.disk {
                #expect(disk - before >= 30_000_000)
                #expect(disk - before < 40_000_000)
                #expect(second.diskLimit == 1 << 30)
                _ = try await sandbox.sh("rm f")
                #expect(try await eventually { try await sandbox.usage().disk ?? 0 < disk - 20_000_000 })
            } else {
                #expect(!Machine.canCopyDisks)
            }
            try await sandbox.kill()
            #expect(await providerError { _ = try await sandbox.usage() }?.code == .notFound)
        }
    }
}
#endif
