import BenchmarkFigures
import LocalProvider
import Logging
import SandstormCore
import SandstormEngine
import SandstormStore
import SandstormTestSupport

/// How long it takes until a sandbox on this machine answers: a new one, a living one, and one from a warm pool.
enum LocalStart {
    private static let rounds = 100
    private static let echo = "/usr/bin/echo"

    static func run() async throws -> [Finding] {
        #if os(Linux)
        let directory = try TemporaryDirectory()
        let provider = await LocalProvider(configuration: .init(dataDirectory: directory.path))
        let bare = try provider.bareCommand(running: [echo, "x"])
        var spec = SandboxSpec()
        spec.memory = 256
        let offers = provider.offers(for: spec)
        guard let offer = offers.first else { throw BenchmarkFailure("this machine makes no sandboxes") }
        let living = try await provider.create(spec, on: offer, tag: .fresh())

        var times = (bare: [Duration](), fork: [Duration](), new: [Duration](), exec: [Duration]())
        // In turns, so that whatever else the machine does meets all of them.
        for round in 0..<(rounds + 5) {
            let bareTime = try BareProcess.time(bare.arguments, file: bare.filter).firstByte
            let forkTime = try BareProcess.time([echo, "x"]).end
            let newTime = try await timeNew(provider, spec, offer)
            let execTime = try await timeExec(living)
            guard round >= 5 else { continue }
            times.bare.append(bareTime)
            times.fork.append(forkTime)
            times.new.append(newTime)
            times.exec.append(execTime)
        }
        try await living.kill()
        let warm = try await timeWarm(directory.path + "/warm")
        let (bareFigures, forkFigures) = (Figures(times.bare), Figures(times.fork))
        return [
            .ratio(
                "new sandbox, to the first byte of echo, against bare bubblewrap", Figures(times.new).median, to: bareFigures.median,
                atMost: 2),
            .ratio(
                "echo in a living sandbox, to its end, against fork and exec", Figures(times.exec).median, to: forkFigures.median, atMost: 2
            ),
            .ratio("run from a warm pool, to the first byte, against bare bubblewrap", warm, to: bareFigures.median, atMost: 0.6),
        ]
        #else
        throw BenchmarkFailure("there are no local sandboxes on this system")
        #endif
    }

    private static func timeNew(_ provider: LocalProvider, _ spec: SandboxSpec, _ offer: Offer) async throws -> Duration {
        let start = ContinuousClock.now
        let sandbox = try await provider.create(spec, on: offer, tag: .fresh())
        let process = try await sandbox.start(Command([echo, "x"]))
        var first: Duration?
        for try await event in process.events {
            if case .stdout = event, first == nil { first = start.duration(to: .now) }
        }
        try await sandbox.kill()
        guard let first else { throw BenchmarkFailure("the sandbox printed nothing") }
        return first
    }

    private static func timeExec(_ sandbox: any Sandbox) async throws -> Duration {
        let start = ContinuousClock.now
        let process = try await sandbox.start(Command([echo, "x"]))
        for try await event in process.events {
            if case .exited(let status) = event, status.outcome != .code(0) { throw BenchmarkFailure("echo failed") }
        }
        return start.duration(to: .now)
    }

    /// Through the whole engine: accepted, journaled, routed, taken from the pool.
    private static func timeWarm(_ directory: String) async throws -> Duration {
        let store = try SQLiteStore(directory: directory)
        let provider = await LocalProvider(configuration: .init(dataDirectory: directory))
        var configuration = EngineConfiguration()
        var spec = SandboxSpec(command: [echo, "x"])
        spec.memory = 256
        configuration.warmPools = [.init(spec: spec, count: 4)]
        let engine = Engine(providers: [provider], store: store, configuration: configuration, logger: Logger(label: "benchmark"))
        let running = Task { try await engine.run() }
        defer { running.cancel() }
        var times: [Duration] = []
        for _ in 0..<rounds {
            // The pool refills meanwhile: what is measured is a run that finds a sandbox ready.
            try await waitForPool(engine)
            let start = ContinuousClock.now
            let handle = try await engine.submit(RunRequest(spec: spec), by: .local)
            var first: Duration?
            for try await event in handle.events {
                if case .stdout = event.body, first == nil { first = start.duration(to: .now) }
            }
            guard let first else { throw BenchmarkFailure("the run printed nothing") }
            times.append(first)
        }
        await engine.shutDown()
        await store.close()
        return Figures(times).median
    }

    private static func waitForPool(_ engine: Engine) async throws {
        let isFull = { @Sendable in engine.metrics.prometheusText().contains("\nsandstorm_pool_ready 4\n") }
        guard await eventually(within: .seconds(10), isFull) else { throw BenchmarkFailure("the pool did not fill") }
    }
}

extension SandboxTag {
    static func fresh() -> SandboxTag {
        SandboxTag(gateway: .generate(), run: .generate(), attempt: .generate(), sandbox: .generate())
    }
}
