import NIOCore
import SandstormCore
import Testing

/// Reads changes until one is there, and keeps all of them.
private final class Watching: Sendable {
    private let changes: FileChanges
    private let all = Locked<[FileChange]>([])

    init(_ changes: FileChanges) { self.changes = changes }

    var seen: [FileChange] { all.withLock(\.self) }

    func expect(_ c: CaseContext, _ kinds: FileChange.Kind..., of name: String, at location: SourceLocation = #_sourceLocation) async throws
    {
        let path = c.path(name)
        try await within(c.budget.settling, at: location) { [self] in
            var iterator = changes.makeAsyncIterator()
            while !seen.contains(where: { $0.path == path && kinds.contains($0.kind) }) {
                guard let change = try await iterator.next(isolation: nil) else {
                    throw ConformanceFailure("the watch ended before \(name) was told as \(kinds.map(\.rawValue))", at: location)
                }
                all.withLock { $0.append(change) }
            }
        }
    }
}

extension ConformanceCase {
    static let watch: [ConformanceCase] = [
        ConformanceCase(.watch, "what is made, changed and removed is told", needs: [.watch]) { c in
            let sandbox = try await c.sandbox()
            let watching = Watching(try await sandbox.files.watch(c.directory, recursively: false))
            _ = try await c.shell(sandbox, "echo x > file")
            try await watching.expect(c, .created, of: "file")
            _ = try await c.shell(sandbox, "echo y >> file")
            try await watching.expect(c, .modified, of: "file")
            _ = try await c.shell(sandbox, "rm file")
            try await watching.expect(c, .removed, of: "file")
        },
        ConformanceCase(.watch, "both names of a renamed file are told", needs: [.watch]) { c in
            let sandbox = try await c.sandbox()
            _ = try await c.shell(sandbox, "echo x > old")
            let watching = Watching(try await sandbox.files.watch(c.directory, recursively: false))
            _ = try await c.shell(sandbox, "mv old new")
            try await watching.expect(c, .renamed, of: "old")
            try await watching.expect(c, .renamed, of: "new")
        },
        ConformanceCase(.watch, "changes by us are told too", needs: [.watch]) { c in
            let sandbox = try await c.sandbox()
            let watching = Watching(try await sandbox.files.watch(c.directory, recursively: false))
            try await sandbox.files.write(c.path("file"), ByteBuffer(string: "x"), mode: 0o644)
            // It may be written beside its place first.
            try await watching.expect(c, .created, .renamed, .modified, of: "file")
        },
        ConformanceCase(.watch, "subdirectories are watched when asked for, new ones too", needs: [.watch]) { c in
            let sandbox = try await c.sandbox()
            _ = try await c.shell(sandbox, "mkdir -p old/deep")
            let watching = Watching(try await sandbox.files.watch(c.directory, recursively: true))
            _ = try await c.shell(sandbox, "echo x > old/deep/file")
            try await watching.expect(c, .created, of: "old/deep/file")
            _ = try await c.shell(sandbox, "mkdir -p new/deep; echo x > new/deep/file")
            try await watching.expect(c, .created, of: "new")
            try await watching.expect(c, .created, of: "new/deep/file")
        },
        ConformanceCase(.watch, "subdirectories are not watched unless asked for", needs: [.watch]) { c in
            let sandbox = try await c.sandbox()
            _ = try await c.shell(sandbox, "mkdir sub")
            let watching = Watching(try await sandbox.files.watch(c.directory, recursively: false))
            _ = try await c.shell(sandbox, "echo x > sub/hidden; echo y > shown")
            try await watching.expect(c, .created, of: "shown")
            c.expect(!watching.seen.contains { $0.path == c.path("sub/hidden") }, "a change below was told: \(watching.seen)")
        },
        ConformanceCase(.watch, "of a thousand files none is kept from us", needs: [.watch]) { c in
            let sandbox = try await c.sandbox()
            let changes = try await sandbox.files.watch(c.directory, recursively: false)
            _ = try await c.shell(sandbox, "i=0; while [ $i -lt 1000 ]; do : > f$i; i=$((i+1)); done")
            let wanted = Set((0..<1000).map { c.path("f\($0)") })
            let rest = try await within(c.budget.settling) {
                var rest = wanted
                var iterator = changes.makeAsyncIterator()
                while !rest.isEmpty, let change = try await iterator.next(isolation: nil) {
                    // Saying that there was too much is allowed, silence is not.
                    if change.kind == .overflow { return Set<String>() }
                    rest.remove(change.path)
                }
                return rest
            }
            c.expect("files that were kept from us", rest.count, is: 0)
        },
        ConformanceCase(.watch, "what is not there can't be watched", needs: [.watch]) { c in
            let sandbox = try await c.sandbox()
            await c.refusal("watching", .invalid, file: [.notFound]) {
                _ = try await sandbox.files.watch(c.path("missing"), recursively: false)
            }
        },
        ConformanceCase(.watch, "a wait for a change ends when it is cancelled", needs: [.watch]) { c in
            let sandbox = try await c.sandbox()
            let changes = try await sandbox.files.watch(c.directory, recursively: false)
            let waiting = Task {
                var iterator = changes.makeAsyncIterator()
                return try await iterator.next(isolation: nil)
            }
            try await Task.sleep(for: .milliseconds(100))
            waiting.cancel()
            if case .success(let change?) = await waiting.result { c.expect(false, "a change was told: \(change)") }
            c.expect("what runs afterwards", try await c.shell(sandbox, "echo fine").stdout, is: "fine\n")
        },
    ]
}
