import NIOCore
import SandstormCore
import Testing

extension ConformanceCase {
    /// Kills a sandbox while something goes on in it, and sees to it that whoever waits is told.
    private static func killing(
        _ c: CaseContext, _ sandbox: any Sandbox, while work: Task<Void, any Error>, _ what: String
    ) async throws {
        try await sandbox.kill()
        let failure = await c.refusal(what, .interrupted, .notFound) { try await work.value }
        if failure?.code == .interrupted { c.expect(failure?.outOfMemory == false, "\(what): it is called a lack of memory") }
        try await c.eventually("it is still listed") { try await c.listed().isEmpty }
    }

    static let kill: [ConformanceCase] = [
        ConformanceCase(.kill, "right after it was made") { c in
            let sandbox = try await c.ownSandbox()
            try await sandbox.kill()
            try await c.eventually("it is still listed") { try await c.listed().isEmpty }
        },
        ConformanceCase(.kill, "twice, and at once, is as good as once") { c in
            let sandbox = try await c.ownSandbox()
            async let first: Void = sandbox.kill()
            async let second: Void = sandbox.kill()
            _ = try await (first, second)
            try await sandbox.kill()
            try await c.provider.destroy(sandbox.id)
        },
        ConformanceCase(.kill, "while a command runs: its reader hears of it") { c in
            let sandbox = try await c.ownSandbox()
            let process = try await sandbox.start(c.line("exec sleep 1000", in: SandboxSpec.workspace))
            let started = Locked(false)
            let reading = Task {
                for try await _ in process.events { started.withLock { $0 = true } }
                throw ConformanceFailure("the events came to an end without an error, as if the command had ended by itself")
            }
            try await c.eventually("it did not start") { started.withLock(\.self) }
            try await sandbox.kill()
            let error = await c.refusal("reading", .interrupted) { try await reading.value }
            c.expect("whether it says that the code had started", error?.afterStart, is: true)
            c.expect("whether it is called a lack of memory", error?.outOfMemory, is: false)
            c.expect("what is to be done about it", error?.disposition, is: .giveUp)
        },
        ConformanceCase(.kill, "while output streams") { c in
            let sandbox = try await c.ownSandbox()
            let process = try await sandbox.start(c.line("exec yes", in: SandboxSpec.workspace))
            let count = Locked(0)
            let reading = Task {
                for try await event in process.events {
                    if case .exited(let status) = event { throw ConformanceFailure("it was told to have ended: \(status.outcome)") }
                    count.withLock { $0 += 1 }
                }
            }
            try await c.eventually("no output came") { count.withLock(\.self) > 10 }
            try await killing(c, sandbox, while: reading, "reading")
        },
        ConformanceCase(.kill, "while input waits to be read") { c in
            let sandbox = try await c.ownSandbox()
            let process = try await sandbox.start(c.line("exec sleep 1000", in: SandboxSpec.workspace))
            let count = Locked(0)
            let writing = Task {
                while true {
                    try await process.write(ByteBuffer(repeating: 0, count: 65_536))
                    count.withLock { $0 += 1 }
                }
            }
            try await c.eventually("nothing could be written") { count.withLock(\.self) > 0 }
            try await Task.sleep(for: .milliseconds(200))
            try await killing(c, sandbox, while: writing, "writing")
        },
        ConformanceCase(.kill, "while a file is written") { c in
            let sandbox = try await c.ownSandbox()
            let count = Locked(0)
            let content = ByteStream { () async throws(ProviderError) in
                count.withLock { $0 += 1 }
                do { try await Task.sleep(for: .milliseconds(5)) } catch { throw ProviderError(.interrupted, "cancelled") }
                return ByteBuffer(repeating: 0x78, count: 1024)
            }
            let writing = Task { try await sandbox.files.write("file", from: content, mode: 0o644) }
            try await c.eventually("it did not begin") { count.withLock(\.self) > 5 }
            try await killing(c, sandbox, while: writing, "writing")
        },
        ConformanceCase(.kill, "while a file is read") { c in
            let sandbox = try await c.ownSandbox()
            _ = try await c.shell(sandbox, "head -c 200000000 /dev/zero > file", in: SandboxSpec.workspace)
            let file = try await sandbox.files.open("file", range: nil)
            let count = Locked(0)
            let reading = Task {
                for try await _ in file.bytes {
                    count.withLock { $0 += 1 }
                    try await Task.sleep(for: .milliseconds(20))
                }
                throw ConformanceFailure("the file was read to its end")
            }
            try await c.eventually("nothing came") { count.withLock(\.self) > 0 }
            try await killing(c, sandbox, while: reading, "reading")
        },
        ConformanceCase(.kill, "while a terminal is open", needs: [.terminal]) { c in
            let sandbox = try await c.ownSandbox()
            let process = try await sandbox.start(
                c.line("echo up; read line", terminal: TerminalSize(columns: 80, rows: 24), in: SandboxSpec.workspace))
            let started = Locked(false)
            let reading = Task { for try await _ in process.events { started.withLock { $0 = true } } }
            try await c.eventually("it did not start") { started.withLock(\.self) }
            try await killing(c, sandbox, while: reading, "reading")
        },
        ConformanceCase(.kill, "while a directory is watched", needs: [.watch]) { c in
            let sandbox = try await c.ownSandbox()
            let changes = try await sandbox.files.watch(SandboxSpec.workspace, recursively: true)
            let reading = Task { for try await _ in changes {} }
            try await killing(c, sandbox, while: reading, "watching")
        },
        ConformanceCase(.kill, "while commands are being started") { c in
            let sandbox = try await c.ownSandbox()
            let started = Locked(0)
            let starting = Task {
                while true {
                    _ = try await sandbox.start(c.line("exec sleep 1000", in: SandboxSpec.workspace))
                    started.withLock { $0 += 1 }
                }
            }
            try await c.eventually("nothing was started") { started.withLock(\.self) > 2 }
            try await killing(c, sandbox, while: starting, "starting")
        },
        ConformanceCase(.kill, "while a snapshot is made", needs: [.snapshot(.filesystem)]) { c in
            let sandbox = try await c.ownSandbox()
            _ = try await c.shell(sandbox, "head -c 50000000 /dev/urandom > file", in: SandboxSpec.workspace)
            let making = Task { try await sandbox.snapshot(.filesystem) }
            try await Task.sleep(for: .milliseconds(5))
            try await sandbox.kill()
            switch await making.result {
            // Whoever was first wins; what was made is whole, and must go.
            case .success(let snapshot): try await c.provider.delete(snapshot)
            case .failure(let error):
                let code = (error as? ProviderError)?.code
                c.expect(code == .notFound || code == .interrupted, "the snapshot failed with \(describe(error))")
            }
        },
        ConformanceCase(.kill, "while it is forked", needs: [.fork]) { c in
            let sandbox = try await c.ownSandbox()
            _ = try await c.shell(sandbox, "echo kept > file", in: SandboxSpec.workspace)
            let tag = c.tag()
            let forking = Task { try await c.creating { _ in try await sandbox.fork(tag: tag) } }
            try await Task.sleep(for: .milliseconds(5))
            try await sandbox.kill()
            switch await forking.result {
            case .success(let other):
                c.keep(other)
                c.expect("its file", try await c.shell(other, "cat file", in: SandboxSpec.workspace).stdout, is: "kept\n")
            case .failure(let error):
                let failure = error as? ProviderError
                c.expect(failure?.code == .notFound || failure?.code == .interrupted, "the fork failed with \(describe(error))")
                let isLeft = try await c.listed().contains { $0.tag == tag }
                c.expect(!isLeft || failure?.mayHaveTakenEffect == true, "a fork was left by a call that said that it had no effect")
                for record in try await c.listed() where record.tag == tag { try await c.provider.destroy(record.id) }
            }
        },
        ConformanceCase(.kill, "what does not want to die dies") { c in
            let sandbox = try await c.ownSandbox()
            let stubborn =
                "trap '' TERM HUP INT QUIT; for i in 1 2 3; do sh -c 'trap \"\" TERM HUP INT; while :; do sleep 1; done' & done; echo up; wait"
            let process = try await sandbox.start(c.line(stubborn, in: SandboxSpec.workspace))
            var events = process.events.makeAsyncIterator()
            _ = try await events.output(until: "up\n")
            let start = ContinuousClock.now
            try await sandbox.kill()
            let elapsed = ContinuousClock.now - start
            let allowed = c.capabilities.teardownTime + c.budget.settling
            c.expect(elapsed < allowed, "it took \(elapsed), although \(c.capabilities.teardownTime) are declared")
            try await c.eventually("it is still listed") { try await c.listed().isEmpty }
        },
        ConformanceCase(.kill, "what was killed can't be used any more") { c in
            let sandbox = try await c.ownSandbox()
            _ = try await c.shell(sandbox, "echo x > file", in: SandboxSpec.workspace)
            try await sandbox.kill()
            await c.refusal("starting", .notFound, .interrupted) {
                _ = try await sandbox.start(c.line("true", in: SandboxSpec.workspace)).transcript()
            }
            await c.refusal("reading", .notFound, .interrupted) { try await sandbox.files.read("file", upTo: 100) }
            await c.refusal("writing", .notFound, .interrupted) { try await sandbox.files.write("file", ByteBuffer(), mode: 0o644) }
            await c.refusal("listing", .notFound, .interrupted) { try await sandbox.files.list(SandboxSpec.workspace, depth: 1) }
            await c.refusal("attaching", .notFound) { try await c.provider.attach(sandbox.id).id }
        },
        ConformanceCase(.kill, "by its name alone") { c in
            let sandbox = try await c.ownSandbox()
            let process = try await sandbox.start(c.line("exec sleep 1000", in: SandboxSpec.workspace))
            try await c.provider.destroy(sandbox.id)
            await c.refusal("reading", .interrupted, .notFound) { try await process.transcript() }
            try await c.eventually("it is still listed") { try await c.listed().isEmpty }
            try await c.provider.destroy(sandbox.id)
        },
        ConformanceCase(.kill, "one leaves the others") { c in
            let (one, other) = (try await c.ownSandbox(), try await c.ownSandbox())
            let process = try await other.start(c.line("echo up; read line; echo lives $line", in: SandboxSpec.workspace))
            var events = process.events.makeAsyncIterator()
            _ = try await events.output(until: "up\n")
            try await one.kill()
            try await process.write(ByteBuffer(string: "on\n"))
            c.expect("what the other says", try await events.rest().output, is: "lives on\n")
            try await c.eventually("the list is not the other one alone") { try await c.listed().map(\.id) == [other.id] }
        },
    ]
}
