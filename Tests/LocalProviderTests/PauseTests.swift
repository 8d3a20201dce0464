#if os(Linux)
import Glibc
import NIOCore
import SandstormCore
import Testing

@testable import LocalProvider

// One after the other, as the two suites of copies: each keeps all cores busy.
@Suite("A paused sandbox", .serialized, .enabled(if: Machine.canRun, Machine.why))
struct PauseTests {
    /// Counts in a file as fast as it can.
    private static let counter = "i=0; while :; do i=$((i+1)); echo $i > n.tmp; mv n.tmp n; done"

    private func count(_ sandbox: any Sandbox) async throws -> Int {
        let text = try? await sandbox.files.read("n", upTo: 100)
        return text.flatMap { Int(String(buffer: $0).trimmingNewline) } ?? 0
    }

    @Test("nothing runs while it is paused, and nothing is lost", arguments: Machine.levels)
    func standsStill(level: IsolationLevel) async throws {
        try await Playground.runEveryLevel { playground in
            guard playground.provider.capabilities.pause else { return }
            let sandbox = try await playground.sandbox(level)
            let process = try await sandbox.start(Command(["/bin/sh", "-c", Self.counter]))
            #expect(try await eventually { try await count(sandbox) > 0 })
            try await sandbox.pause()
            try await sandbox.pause()
            let group = try #require(playground.journal(of: sandbox)?.group)
            #expect(group.isFrozen)
            let used = try await sandbox.usage().cpuTime
            try await Task.sleep(for: .milliseconds(100))
            #expect(try await sandbox.usage().cpuTime == used)
            try await sandbox.resume()
            try await sandbox.resume()
            #expect(!group.isFrozen)
            let before = try await count(sandbox)
            #expect(try await eventually { try await count(sandbox) > before })
            _ = process
        }
    }

    @Test("commands and files are refused at once, with the reason", arguments: Machine.levels)
    func refusals(level: IsolationLevel) async throws {
        try await Playground.runEveryLevel { playground in
            guard playground.provider.capabilities.pause else { return }
            let sandbox = try await playground.sandbox(level)
            try await sandbox.pause()
            let files = sandbox.files
            let errors = [
                await providerError { _ = try await sandbox.start(Command(["true"])) },
                await providerError { _ = try await files.read("x", upTo: 1) },
                await providerError { try await files.write("x", ByteBuffer(string: "y"), mode: 0o644) },
                await providerError { _ = try await files.list("/workspace", depth: 1) },
                await providerError { _ = try await files.info("/workspace", followingLinks: true) },
                await providerError { _ = try await files.archive("/workspace") },
                await providerError { _ = try await files.watch("/workspace", recursively: false) },
            ]
            for error in errors {
                #expect(error?.code == .invalid)
                #expect(error?.message.contains("paused") == true)
            }
            try await sandbox.resume()
            #expect(try await sandbox.sh("echo x").stdout == "x\n")
        }
    }

    @Test("it can be killed, whatever runs in it", arguments: Machine.levels)
    func kill(level: IsolationLevel) async throws {
        try await Playground.runEveryLevel { playground in
            guard playground.provider.capabilities.pause else { return }
            let sandbox = try await playground.sandbox(level)
            let process = try await sandbox.start(
                Command(["/bin/sh", "-c", "trap '' TERM; for i in 1 2 3; do yes > /dev/null & done; wait"]))
            let journal = try #require(playground.journal(of: sandbox))
            #expect(await eventually { (journal.group?.processes.count ?? 0) >= 5 })
            try await sandbox.pause()
            // It gives up, and says so, after ten seconds.
            try await sandbox.kill()
            #expect(journal.group?.directories.values.allSatisfy { !HostFile.exists($0) } == true)
            #expect(await providerError { _ = try await process.transcript() }?.code == .interrupted)
            #expect(await providerError { try await sandbox.pause() }?.code == .notFound)
            #expect(await providerError { try await sandbox.resume() }?.code == .notFound)
        }
    }

    @Test("after a crash a paused sandbox, with its disk at rest, can be killed", arguments: Machine.levels)
    func crash(level: IsolationLevel) async throws {
        try await Playground.runEveryLevel { playground in
            guard playground.provider.capabilities.pause else { return }
            let sandbox = try await playground.sandbox(level)
            let process = try await sandbox.start(Command(["/bin/sh", "-c", Self.counter]))
            let journal = try #require(playground.journal(of: sandbox))
            try journal.group?.setFrozen(true)
            let second = await LocalProvider(configuration: playground.provider.configuration)
            #expect(await eventually { journal.group?.isFrozen == true })
            if let mountPoint = journal.mountPoint {
                let point = try Descriptor.open(mountPoint, O_RDONLY)
                try #require(ioctl(point.number, UInt(0xC004_5877), 0) == 0)
            }
            try await second.destroy(sandbox.id)
            _ = process
            #expect(await eventually { Remainders(of: playground.directory).isEmpty })
            #expect(journal.group?.directories.values.allSatisfy { !HostFile.exists($0) } == true)
        }
    }

    @Test("pausing, resuming and killing at once end in one of the three, never stuck")
    func races() async throws {
        try await Playground.run { playground in
            guard playground.provider.capabilities.pause else { return }
            for round in 0..<10 {
                let sandbox = try await playground.sandbox()
                let process = try await sandbox.start(Command(["/bin/sh", "-c", "yes > /dev/null & yes > /dev/null"]))
                let journal = try #require(playground.journal(of: sandbox))
                await withTaskGroup(of: Void.self) { group in
                    for index in 0..<12 {
                        group.addTask {
                            _ = await providerError { index % 2 == 0 ? try await sandbox.pause() : try await sandbox.resume() }
                        }
                    }
                    if round % 2 == 0 { group.addTask { _ = await providerError { try await sandbox.kill() } } }
                }
                if round % 2 == 1 {
                    try await sandbox.pause()
                    #expect(journal.group?.isFrozen == true)
                    try await sandbox.resume()
                    #expect(journal.group?.isFrozen == false)
                    #expect(try await sandbox.sh("echo x").stdout == "x\n")
                }
                try await sandbox.kill()
                #expect(journal.group?.directories.values.allSatisfy { !HostFile.exists($0) } == true)
                _ = process
            }
        }
    }
}

extension String {
    fileprivate var trimmingNewline: Substring { hasSuffix("\n") ? dropLast() : self[...] }
}
#endif
