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
            try await Playground.run({ $0.userIDs = 300_000..<300_200 }) { playground in
                let host = try playground.provider.host.get()
                let launcher = try #require(playground.provider.survey?.launchers[.standard])
                // Once through everything first: pools and event loops open what they keep.
                let warm = try await playground.sandbox()
                _ = try await warm.sh("echo")
                try await warm.kill()
                let before = openFiles()

                for round in 0..<60 {
                    let id = "local-round\(round)"
                    let maker = SandboxMaker(
                        host: host, launcher: launcher, spec: SandboxSpec(command: ["sh"]), id: id, tag: playground.tag())
                    let making = Task { () async throws -> (SandboxRemains, LocalSandbox) in
                        let (remains, connection) = try await maker.make()
                        return (remains, LocalSandbox(remains, connection) {})
                    }
                    // From before the first step to after the last: a creation takes 20 to 40 ms here.
                    try await Task.sleep(for: .microseconds(round * 700))
                    making.cancel()
                    if case .success(let (_, sandbox)) = await making.result {
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
                #expect(await eventually(within: .seconds(30)) { processes(of: 300_000..<300_200).isEmpty })
                #expect(zombies().isEmpty, "zombies \(zombies())")
                // Channels close on their event loop a moment after.
                #expect(await eventually { openFiles().count <= before.count }, "\(before) files before, \(openFiles()) after")
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

private func processes(of users: Range<uid_t>) -> [String] {
    HostFile.names(in: "/proc").filter { name in
        var info = stat()
        return Int32(name) != nil && stat("/proc/\(name)", &info) == 0 && users.contains(info.st_uid)
    }
}

private func zombies() -> [String] {
    let children = ProcessIdentity(of: getpid())?.children ?? []
    return children.compactMap { HostFile.text("/proc/\($0)/stat") }.filter { $0.contains(") Z ") }
}
#endif
