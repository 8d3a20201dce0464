#if os(Linux)
import Glibc
import NIOCore
import SandstormCore
import Testing

@testable import LocalProvider

/// Not a test but a yardstick: `SANDSTORM_MEASURE=1 swift test --filter StartupMeasurement`, on a quiet machine.
@Suite("Startup", .enabled(if: getenv("SANDSTORM_MEASURE") != nil, "set SANDSTORM_MEASURE to measure"), .serialized)
struct StartupMeasurement {
    @Test("from the call to the first byte of echo", arguments: [IsolationLevel.standard, .strong])
    func firstByte(level: IsolationLevel) async throws {
        try await Playground.run({ $0.runtimes[.strong] = "runc" }) { playground in
            var spec = SandboxSpec(command: ["sh"])
            spec.isolation = level
            guard !playground.provider.offers(for: spec).isEmpty else { return }
            var created: [Duration] = []
            var first: [Duration] = []
            var killed: [Duration] = []
            for _ in 0..<40 {
                let clock = ContinuousClock()
                let start = clock.now
                let sandbox = try await playground.sandbox(spec)
                created.append(clock.now - start)
                let process = try await sandbox.start(Command(["echo", "x"]))
                for try await event in process.events {
                    if case .stdout = event { first.append(clock.now - start) }
                }
                let end = clock.now
                try await sandbox.kill()
                killed.append(clock.now - end)
            }
            print("\(level): created \(median(created)), first byte \(median(first)), killed in \(median(killed))")
        }
    }

    @Test("bubblewrap by itself, with the same mounts")
    func bare() async throws {
        try await Playground.run { playground in
            let host = try playground.provider.host.get()
            let launcher = try #require(playground.provider.survey?.launchers[.standard])
            let root = host.rootFilesystem(
                base: host.system.entries(network: false), storage: .memory(bytes: 1 << 30), hasMemoryGroup: false)
            let plan = LaunchPlan(
                id: "bare", directory: playground.directory, root: root, network: false, user: SandboxUser(id: 200_000, rootID: 200_001),
                limits: SandboxLimits(SandboxSpec(command: ["sh"]).resources, processes: 512), group: nil, program: ["/usr/bin/echo", "x"])
            let command = try launcher.prepare(plan)
            var times: [Duration] = []
            for _ in 0..<40 {
                let start = ContinuousClock.now
                let (_, theirs) = try Descriptor.socketPair()
                let filter = try Descriptor.open(try #require(command.fourth), O_RDONLY)
                let child = try ChildProcess.spawn(command.arguments, .init(output: theirs, fourth: filter))
                while child.reap() == nil { usleep(100) }
                times.append(ContinuousClock.now - start)
            }
            print("bare bubblewrap, echo to its end: \(median(times))")
        }
    }

    @Test("a gigabyte through a process")
    func throughput() async throws {
        try await Playground.run { playground in
            let process = try await playground.sandbox().start(Command(["head", "-c", "1G", "/dev/zero"]))
            let start = ContinuousClock.now
            var count = 0
            for try await event in process.events {
                if case .stdout(let bytes) = event { count += bytes.readableBytes }
            }
            print("throughput: \(Double(count) / 1e6 / (ContinuousClock.now - start).inSeconds) MB/s")
        }
    }

    private func median(_ times: [Duration]) -> String { times.sorted()[times.count / 2].inMilliseconds }
}

extension Duration {
    fileprivate var inMilliseconds: String { "\((inSeconds * 10_000).rounded() / 10) ms" }
}
#endif
