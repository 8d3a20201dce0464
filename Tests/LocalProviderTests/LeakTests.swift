#if os(Linux)
import Glibc
import NIOCore
import SandstormCore
import Testing

@testable import LocalProvider

/// In processes of their own, where nobody else opens files or starts children.
@Suite("Nothing leaks", .enabled(if: Machine.canRun && Machine.isRoot, Machine.whyRoot))
struct LeakTests {
    @Test("killed or cancelled in whatever phase, a sandbox leaves nothing")
    func everyPhase() async {
        await #expect(processExitsWith: .success) {
            await Playground.runAlone({ $0.userIDs = 300_000..<300_200 }) { playground in
                let host = try playground.provider.host.get()
                let survey = try #require(playground.provider.survey)
                let launcher = try #require(survey.launchers[.standard])
                // Once through everything first: pools and event loops open what they keep.
                let warm = try await playground.sandbox()
                _ = try await warm.sh("echo")
                try await warm.kill()
                let before = openFiles()

                for round in 0..<120 {
                    let id = "local-round\(round)"
                    let root = round % 2 == 0 ? nil : survey.root.launcher
                    let maker = SandboxMaker(
                        host: host, launcher: root ?? launcher, spec: root == nil ? SandboxSpec(command: ["sh"]) : .withRoot, id: id,
                        tag: playground.tag())
                    let making = Task { LocalSandbox(try await maker.make(), by: maker, provider: nil) }
                    // From before the first step to after the last: a creation takes 20 to 40 ms here.
                    try await Task.sleep(for: .microseconds(round * 350))
                    making.cancel()
                    if case .success(let sandbox) = await making.result {
                        let process = try? await sandbox.start(Command(["/bin/sh", "-c", "yes & sleep 1000"]))
                        try await sandbox.kill()
                        _ = process
                    }
                    for directory in host.groups?.group(of: id).directories.values.map(\.self) ?? [] {
                        #expect(!HostFile.exists(directory), "round \(round): \(directory)")
                    }
                    #expect(
                        await eventually { Remainders(of: playground.directory).isEmpty },
                        "round \(round): \(Remainders(of: playground.directory))")
                }

                // A launcher that fails in the middle leaves its dead child to the machine's init, which takes its time.
                #expect(await eventually(within: .seconds(60)) { processes(of: 300_000..<300_200).isEmpty })
                #expect(zombies().isEmpty, "zombies \(zombies())")
                // Channels close on their event loop a moment after.
                #expect(await eventually { openFiles().count <= before.count }, "\(before) files before, \(openFiles()) after")
            }
        }
    }

    /// The machine's answer to "what is there of us".
    private struct Inventory: Equatable {
        var files: Int
        var processes: [String]
        var zombies: [String]
        var groups: [String]
        var slots: [String]
        var remainders: String

        init(_ playground: Playground, users: Range<uid_t>) throws {
            files = openFiles().count
            processes = LocalProviderTests.processes(of: users)
            zombies = LocalProviderTests.zombies()
            let directories = try playground.provider.host.get().groups?.directories.values.map(\.self) ?? []
            let host = try playground.provider.host.get()
            processes += LocalProviderTests.processes(of: host.configuration.rootUserIDs)
            groups = Set(directories).flatMap { HostFile.names(in: $0) }.filter { $0.hasPrefix("local-leak") }.sorted()
            slots = ["slots", "root-slots"].flatMap { HostFile.names(in: "\(playground.directory)/local/\($0)") }
            remainders = "\(Remainders(of: playground.directory))"
        }
    }

    private static func outcome<Success>(of body: () async throws -> Success) async -> Result<Success, any Error> {
        do { return .success(try await body()) } catch { return .failure(error) }
    }

    @Test("a thousand sandboxes, many at once, half of them killed midway at whatever moment, leave nothing")
    func thousand() async {
        await #expect(processExitsWith: .success) {
            let users: Range<uid_t> = 320_000..<320_400
            // Beside those of all other gateways on this machine.
            let rootUsers: Range<UInt32> = 805_306_368..<872_415_232
            await Playground.runAlone({ ($0.userIDs, $0.rootUserIDs) = (users, rootUsers) }) { playground in
                let host = try playground.provider.host.get()
                let survey = try #require(playground.provider.survey)
                let launcher = try #require(survey.launchers[.standard])
                /// - Returns: whether it went as it should. A life that nobody kills has to.
                @Sendable func life(_ number: Int, of network: NetworkPolicy, moment: Duration?) async -> Bool {
                    let root = number % 3 == 0 ? survey.root.launcher : nil
                    var spec = root == nil ? SandboxSpec(command: ["sh"]) : .withRoot
                    spec.network = network
                    let maker = SandboxMaker(
                        host: host, launcher: root ?? launcher, spec: spec, id: "local-leak\(number)", tag: playground.tag())
                    let living = Task { () async throws -> Bool in
                        let sandbox = LocalSandbox(try await maker.make(), by: maker, provider: nil)
                        let outcome = await Self.outcome { () async throws -> Bool in
                            try await sandbox.sh("echo x > f; (setsid sleep 1000 &) ; cat f").stdout == "x\n"
                        }
                        try await sandbox.kill()
                        return try outcome.get()
                    }
                    if let moment {
                        try? await Task.sleep(for: moment)
                        living.cancel()
                    }
                    switch await living.result {
                    case .success(let isComplete):
                        #expect(isComplete || moment != nil, "\(number)")
                        return isComplete
                    case .failure(let error):
                        if moment == nil { Issue.record("\(number), network \(network), root access \(root != nil): \(error)") }
                        return false
                    }
                }
                // Pools and event loops open what they keep.
                #expect(await life(0, of: .none, moment: nil))
                let before = try Inventory(playground, users: users)

                let complete = await withTaskGroup(of: Bool.self) { group in
                    var complete = 0
                    for number in 1...1000 {
                        if number > 20, await group.next() == true { complete += 1 }
                        let network: NetworkPolicy = number % 25 < 2 && Machine.hasNetwork ? .open : .none
                        // Up to twice what a life takes when twenty share the machine.
                        let moment: Duration? = number % 2 == 0 ? nil : .microseconds(Int.random(in: 0..<600_000))
                        group.addTask { await life(number, of: network, moment: moment) }
                    }
                    return await group.reduce(into: complete) { $0 += $1 ? 1 : 0 }
                }
                #expect(complete >= 500)

                // Launchers that fail in the middle leave their dead children to the machine's init; channels close a moment after.
                var after = try Inventory(playground, users: users)
                _ = try await eventually(within: .seconds(60)) {
                    after = try Inventory(playground, users: users)
                    after.files = min(after.files, before.files)
                    return after == before
                }
                #expect(after == before)
            }
        }
    }

    @Test("no descriptor of the gateway reaches the code")
    func descriptors() async throws {
        try await Playground.run { playground in
            // One that is not closed on exec, as careless libraries leave them.
            let careless = open("/etc/hostname", O_RDONLY)
            defer { close(careless) }
            let result = try await playground.sandbox().sh("ls /proc/self/fd | tr '\\n' ' '; ls -l /proc/1/fd | wc -l")
            #expect(result.stdout.hasPrefix("0 1 2 3 "))
        }
    }
}

/// What is open, by number.
private func openFiles() -> [String] {
    HostFile.names(in: "/proc/self/fd").sorted().map { "\($0) \(HostFile.target(of: "/proc/self/fd/\($0)") ?? "")" }
        // Timers of the runtime's, made when first needed.
        .filter { !$0.contains("timerfd") }
}

/// By the users that they really have: the owner of a process's files is root where it can't be traced.
private func processes(of users: Range<uid_t>) -> [String] {
    HostFile.names(in: "/proc").filter { name in
        guard Int32(name) != nil, let status = HostFile.text("/proc/\(name)/status"),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("Uid:") })
        else { return false }
        return line.split(whereSeparator: \.isWhitespace).dropFirst().contains { uid_t($0).map(users.contains) ?? false }
    }
}

private func zombies() -> [String] {
    let children = ProcessIdentity(of: getpid())?.children ?? []
    return children.compactMap { HostFile.text("/proc/\($0)/stat") }.filter { $0.contains(") Z ") }
}
#endif
