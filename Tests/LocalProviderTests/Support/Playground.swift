import NIOCore
import SandstormCore
import Testing

@testable import LocalProvider

#if os(Linux)
import Glibc

/// What the tests need of the machine.
enum Machine {
    static let isRoot = geteuid() == 0
    static let hasBubblewrap = LauncherSurvey.path(of: "bwrap") != nil
    static let hasRunc = LauncherSurvey.path(of: "runc") != nil
    static let busybox = ["/bin/busybox", "/usr/bin/busybox"].first(where: HostFile.exists)

    /// The agent as `scripts/build-agent.sh` leaves it, above this file.
    static let agent: String? = {
        if let named = getenv("SANDSTORM_AGENT") { return String(cString: named) }
        var directory = #filePath[...]
        while let slash = directory.lastIndex(of: "/") {
            directory = directory[..<slash]
            let path = "\(directory)/.build/debug/sandstorm-agent"
            if HostFile.exists(path) { return path }
        }
        return nil
    }()

    /// The levels that can be tried here; `runc` stands for every OCI runtime.
    static let levels: [IsolationLevel] = isRoot && hasRunc ? [.standard, .strong] : [.standard]
    /// Sandboxes in which code may be root can be made.
    static let canRoot = isRoot && HostFile.exists("/dev/loop-control")
    static let canCopyDisks = isRoot && HostFile.exists("/dev/loop-control")
    static let whyCopy: Comment = "needs root and loop devices"

    static let canRun = agent != nil && hasBubblewrap
    static let why: Comment = "needs bubblewrap (apt-get install -y bubblewrap) and the agent (scripts/build-agent.sh)"
    static let whyRoot: Comment = "needs root, bubblewrap and the agent"
}

/// A provider on a state directory of its own, and sandboxes that are killed at the end.
final class Playground: Sendable {
    let directory: String
    let provider: LocalProvider
    let gateway = GatewayID.generate()
    private let sandboxes = Locked<[any Sandbox]>([])

    private init(directory: String, _ provider: LocalProvider) {
        self.directory = directory
        self.provider = provider
    }

    static func configuration(_ directory: String) -> LocalProvider.Configuration {
        var configuration = LocalProvider.Configuration(dataDirectory: directory)
        configuration.agentPath = Machine.agent
        // Beside fork bombs of other tests a launch may take its time; none of these tests is about that.
        configuration.launchDeadline = .seconds(90)
        return configuration
    }

    /// Runs `body` with a provider; afterwards nothing of it may be left.
    static func run(
        _ change: (inout LocalProvider.Configuration) -> Void = { _ in }, _ body: (Playground) async throws -> Void
    ) async throws {
        let directory = "/tmp/sandstorm-test-\(UInt64.random(in: .min ... .max))"
        defer { HostFile.removeTree(directory) }
        var configuration = Self.configuration(directory)
        change(&configuration)
        let playground = Playground(directory: directory, await LocalProvider(configuration: configuration))
        do {
            try await body(playground)
        } catch {
            await playground.tearDown()
            throw error
        }
        await playground.tearDown()
    }

    /// The same for the body of an exit test, which must not throw: the process would die with the error, and nobody would see it.
    static func runAlone(
        _ change: (inout LocalProvider.Configuration) -> Void = { _ in }, _ body: (Playground) async throws -> Void
    ) async {
        do {
            try await run(change, body)
        } catch {
            Issue.record(error)
        }
    }

    private func tearDown() async {
        for sandbox in sandboxes.withLock(\.self) { try? await sandbox.kill() }
        // A loop device may be held a little longer, by the mount namespace of a sandbox that is just being made.
        let isEmpty = await eventually { Remainders(of: directory).isEmpty }
        #expect(isEmpty, "left behind: \(Remainders(of: directory))")
    }

    func tag() -> SandboxTag {
        SandboxTag(gateway: gateway, run: .generate(), attempt: .generate(), sandbox: .generate())
    }

    /// With `runc` for the strong level.
    static func runEveryLevel(
        _ change: (inout LocalProvider.Configuration) -> Void = { _ in }, _ body: (Playground) async throws -> Void
    ) async throws {
        try await run(
            {
                if Machine.levels.contains(.strong) { $0.runtimes[.strong] = "runc" }
                change(&$0)
            }, body)
    }

    func sandbox(_ level: IsolationLevel) async throws -> any Sandbox {
        var spec = SandboxSpec(command: ["sh"])
        (spec.isolation, spec.memory) = (level, 256)
        return try await sandbox(spec)
    }

    func sandbox(from snapshot: ProviderSnapshot, _ spec: SandboxSpec = SandboxSpec(command: ["sh"])) async throws -> any Sandbox {
        let offer = try #require(provider.offers(for: spec).first)
        return adopt(try await provider.create(spec, from: snapshot, on: offer, tag: tag()))
    }

    func fork(_ sandbox: any Sandbox) async throws -> any Sandbox { adopt(try await sandbox.fork(tag: tag())) }

    /// Has it killed at the end.
    private func adopt(_ sandbox: any Sandbox) -> any Sandbox {
        sandboxes.withLock { $0.append(sandbox) }
        return sandbox
    }

    func sandbox(_ spec: SandboxSpec = SandboxSpec(command: ["sh"])) async throws -> any Sandbox {
        let offer = try #require(
            provider.offers(for: spec).first,
            "no offer: \(provider.capabilities.refusal(of: spec) ?? "") \(provider.diagnose().filter { $0.state == .missing })")
        return adopt(try await provider.create(spec, on: offer, tag: tag()))
    }
}

/// What exists on the machine for the sandboxes below a directory.
struct Remainders: CustomStringConvertible {
    var directories: [String]
    var mounts: [String]
    var loops: [String]

    init(of directory: String) {
        let state = "\(directory)/local"
        directories =
            HostFile.names(in: state).filter { $0.hasPrefix("local-") || $0.hasPrefix("probe-") }
            + ["slots", "root-slots"].flatMap { HostFile.names(in: "\(state)/\($0)") }
            + HostFile.names(in: "\(state)/snapshots").filter { !$0.hasPrefix("snapshot-") }
        mounts = Mount.all().map(\.point).filter { $0.hasPrefix("\(directory)/") }
        loops = HostFile.names(in: "/sys/block").filter {
            HostFile.text("/sys/block/\($0)/loop/backing_file")?.hasPrefix("\(directory)/") == true
        }
    }

    var isEmpty: Bool { directories.isEmpty && mounts.isEmpty && loops.isEmpty }
    var description: String { "directories \(directories), mounts \(mounts), loop devices \(loops)" }
}

extension ControlGroup {
    /// How many processes and threads there are at one moment, by the kernel's own count. The lists of processes are read one after the other while
    /// some come and others go, and all together may name more than there ever were at once.
    var count: Int? {
        directories[.pids].flatMap { HostFile.text("\($0)/pids.current") }.flatMap { Int($0.filter(\.isNumber)) }
    }
}

/// All that a process did.
struct Transcript {
    var stdout = ""
    var stderr = ""
    var status: SandstormCore.ExitStatus?
    var code: Int32? { status?.shellCode }
}

extension SandboxProcess {
    /// Reads to the end.
    func transcript() async throws(ProviderError) -> Transcript {
        var transcript = Transcript()
        var iterator = events.makeAsyncIterator()
        while let event = try await iterator.next(isolation: nil) {
            switch event {
            case .started: break
            case .stdout(let bytes): transcript.stdout += String(buffer: bytes)
            case .stderr(let bytes): transcript.stderr += String(buffer: bytes)
            case .exited(let status): transcript.status = status
            }
        }
        return transcript
    }
}

extension SandboxSpec {
    /// Of a sandbox in which code may be root.
    static var withRoot: SandboxSpec {
        var spec = SandboxSpec(command: ["sh"])
        (spec.rootAccess, spec.memory) = (true, 256)
        return spec
    }
}

extension Sandbox {
    /// Runs a line of shell to its end, its input empty.
    func sh(_ line: String, environment: [String: String] = [:], as user: String? = nil) async throws -> Transcript {
        let process = try await start(Command(["/bin/sh", "-c", line], environment: environment, user: user))
        try await process.closeInput()
        return try await process.transcript()
    }
}

/// Waits until `condition` holds.
///
/// - Returns: whether it came to hold in time.
func eventually(within limit: Duration = .seconds(60), _ condition: () async throws -> Bool) async rethrows -> Bool {
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < deadline else { return false }
        try? await Task.sleep(for: .milliseconds(2))
    }
    return true
}

/// The error that `body` throws.
func providerError(_ body: () async throws -> Void) async -> ProviderError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? ProviderError
    }
}
#endif
