import NIOCore
import SandstormCore
import Testing

extension ConformanceCase {
    private static let filesystem = [ConformanceNeed.snapshot(.filesystem)]

    /// Makes a snapshot that is deleted after `body`.
    private static func withSnapshot(
        _ c: CaseContext, of sandbox: any Sandbox, _ kind: SnapshotKind = .filesystem, _ body: (ProviderSnapshot) async throws -> Void
    ) async throws {
        let snapshot = try await sandbox.snapshot(kind)
        let outcome: Result<Void, any Error>
        do { outcome = .success(try await body(snapshot)) } catch { outcome = .failure(error) }
        try await c.provider.delete(snapshot)
        try outcome.get()
    }

    private static func restored(_ c: CaseContext, from snapshot: ProviderSnapshot) async throws -> any Sandbox {
        let spec = c.spec()
        let offer = try c.offer(for: spec)
        return c.keep(try await c.creating { try await $0.create(spec, from: snapshot, on: offer, tag: c.tag()) })
    }

    private static func run(_ c: CaseContext, _ sandbox: any Sandbox, _ line: String) async throws -> String {
        try await c.shell(sandbox, line, in: SandboxSpec.workspace).stdout
    }

    static let snapshot: [ConformanceCase] = [
        ConformanceCase(.snapshot, "a sandbox made from one has its files", needs: filesystem) { c in
            let sandbox = try await c.ownSandbox()
            _ = try await run(c, sandbox, "mkdir d; echo kept > d/file; chmod 750 d/file; ln -s d/file link")
            try await withSnapshot(c, of: sandbox) { snapshot in
                c.expect("what it keeps", snapshot.kind, is: .filesystem)
                let other = try await restored(c, from: snapshot)
                c.expect(other.id != sandbox.id, "both are called \(other.id)")
                c.expect(
                    "its files", try await run(c, other, "cat link; ls -l d/file | cut -c1-10; echo new > d/file; cat link"),
                    is: "kept\n-rwxr-x---\nnew\n")
            }
        },
        ConformanceCase(.snapshot, "what comes later is not in it", needs: filesystem) { c in
            let sandbox = try await c.ownSandbox()
            _ = try await run(c, sandbox, "echo before > file")
            try await withSnapshot(c, of: sandbox) { snapshot in
                _ = try await run(c, sandbox, "echo after > file; echo x > later")
                let other = try await restored(c, from: snapshot)
                c.expect("the other's files", try await run(c, other, "cat file; ls; echo other > file"), is: "before\nfile\n")
                c.expect("the first one's files", try await run(c, sandbox, "cat file"), is: "after\n")
            }
        },
        ConformanceCase(.snapshot, "the sandbox itself goes on", needs: filesystem) { c in
            let sandbox = try await c.ownSandbox()
            let process = try await sandbox.start(c.line("kept=1; echo up; read line; echo $kept $line", in: SandboxSpec.workspace))
            var events = process.events.makeAsyncIterator()
            _ = try await events.output(until: "up\n")
            try await withSnapshot(c, of: sandbox) { _ in
                try await process.write(ByteBuffer(string: "on\n"))
                c.expect("what it says", try await events.rest().output, is: "1 on\n")
            }
        },
        ConformanceCase(.snapshot, "it outlives its sandbox, and serves many", needs: filesystem) { c in
            let sandbox = try await c.ownSandbox()
            _ = try await run(c, sandbox, "echo kept > file")
            try await withSnapshot(c, of: sandbox) { snapshot in
                try await sandbox.kill()
                let (one, other) = (try await restored(c, from: snapshot), try await restored(c, from: snapshot))
                _ = try await run(c, one, "echo changed > file")
                c.expect("the other's file", try await run(c, other, "cat file"), is: "kept\n")
            }
        },
        ConformanceCase(.snapshot, "it holds one moment, however busy the sandbox is", needs: filesystem) { c in
            let sandbox = try await c.ownSandbox()
            // Whoever has b has an a that is as new.
            let process = try await sandbox.start(
                c.line(
                    "i=0; echo up; while :; do i=$((i+1)); echo $i > a.tmp; mv a.tmp a; echo $i > b.tmp; mv b.tmp b; done",
                    in: SandboxSpec.workspace))
            var events = process.events.makeAsyncIterator()
            _ = try await events.output(until: "up\n")
            try await c.eventually("the writer did not begin") { try await run(c, sandbox, "cat b 2>/dev/null").isEmpty == false }
            try await withSnapshot(c, of: sandbox) { snapshot in
                let seen = try await run(c, try await restored(c, from: snapshot), "cat a b").split(separator: "\n").compactMap { Int($0) }
                try c.require(seen.count == 2, "the files are not whole: \(seen)")
                c.expect(seen[0] == seen[1] || seen[0] == seen[1] + 1, "the files are of different moments: \(seen)")
            }
            try await process.signal(.kill)
        },
        ConformanceCase(.snapshot, "a deleted one is gone, deleting twice is as good as once", needs: filesystem) { c in
            let sandbox = try await c.ownSandbox()
            let snapshot = try await sandbox.snapshot(.filesystem)
            let other = try await restored(c, from: snapshot)
            try await c.provider.delete(snapshot)
            try await c.provider.delete(snapshot)
            await c.refusal("a create from it", .invalid) { try await restored(c, from: snapshot).id }
            c.expect("what was made from it", try await run(c, other, "echo lives"), is: "lives\n")
        },
        ConformanceCase(.snapshot, "one that never was is the caller's mistake", needs: filesystem) { c in
            let strange = ProviderSnapshot(id: "sandstorm-conformance-none", kind: .filesystem)
            await c.refusal("a create from it", .invalid) { try await restored(c, from: strange).id }
            try await c.provider.delete(strange)
            for id in ["../../etc", "", "a/b"] {
                await c.refusal("a create from \(id.debugDescription)", .invalid) {
                    try await restored(c, from: ProviderSnapshot(id: id, kind: .filesystem)).id
                }
            }
        },
        ConformanceCase(.snapshot, "one of the memory has the processes too", needs: [.snapshot(.memory)]) { c in
            let sandbox = try await c.ownSandbox()
            _ = try await run(c, sandbox, "echo 0 > ticks; (while :; do echo x >> ticks; sleep 0.1; done) >/dev/null 2>&1 </dev/null &")
            try await withSnapshot(c, of: sandbox, .memory) { snapshot in
                try await sandbox.kill()
                let other = try await restored(c, from: snapshot)
                let before = try await run(c, other, "wc -l < ticks")
                try await c.eventually("its processes do not go on") { try await run(c, other, "wc -l < ticks") != before }
            }
        },
    ]
}
