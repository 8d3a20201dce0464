#if os(Linux)
import NIOCore
import SandstormCore
import SandstormTestSupport
import Testing

@testable import SandstormWire

@Suite("Watching through the agent", .enabled(if: RealAgent.isBuilt, RealAgent.why))
struct AgentWatchTests {
    /// Takes changes until the one of `last` has been created.
    private func changes(_ changes: FileChanges, until last: String, in agent: RealAgent) async throws -> [String] {
        var told: [String] = []
        for try await change in changes {
            if change.path == agent.path(last) { break }
            told.append("\(change.kind.rawValue) \(change.path.dropFirst(agent.root.count + 1))")
        }
        return told
    }

    @Test("tells what happens, in order")
    func order() async throws {
        try await RealAgent.run { agent in
            try await agent.shell("mkdir sub; echo > there")
            let watched = try await agent.files.watch(agent.root, recursively: false)
            try await agent.shell("echo 1 > f; chmod 600 f; mv f g; rm g; touch sub/unseen; echo >> there; touch end")
            #expect(
                try await changes(watched, until: "end", in: agent) == [
                    "created f", "modified f", "attributes f", "renamed f", "renamed g", "removed g", "modified there",
                ])
        }
    }

    @Test("a file that is written as a whole appears as a whole")
    func puts() async throws {
        try await RealAgent.run { agent in
            let watched = try await agent.files.watch(agent.root, recursively: true)
            try await agent.write("f", "one")
            try await agent.write("f", "two")
            try await agent.files.write(agent.path("d/g"), from: pieces(3, of: 10), mode: 0o644)
            try await agent.write("end", "")
            #expect(try await changes(watched, until: "end", in: agent) == ["created f", "modified f", "created d", "created d/g"])
        }
    }

    @Test("subdirectories are watched: old ones, new ones, moved ones, and no longer those that left")
    func recursive() async throws {
        try await RealAgent.run { agent in
            try await agent.shell("mkdir -p in/old/deep outside")
            let watched = try await agent.files.watch(agent.path("in"), recursively: true)
            var iterator = watched.makeAsyncIterator()
            func expect(_ kinds: [FileChange.Kind], _ path: String, after script: String) async throws {
                try await agent.shell(script)
                for kind in kinds {
                    #expect(try await iterator.next() == FileChange(kind, path: agent.path(path)), "\(script)")
                }
            }
            try await expect([.created], "in/old/deep/f", after: "touch in/old/deep/f")
            _ = try await iterator.next()  // touch sets the time, too.
            try await expect([.created], "in/new", after: "mkdir in/new")
            try await expect([.created], "in/new/sub", after: "mkdir in/new/sub")
            try await expect([.created, .removed], "in/new/sub/p", after: "mkfifo in/new/sub/p; rm in/new/sub/p")
            try await expect([.renamed], "in/old/deep", after: "mv in/old/deep in/new/moved")
            #expect(try await iterator.next() == FileChange(.renamed, path: agent.path("in/new/moved")))
            try await expect([.removed], "in/new/moved/f", after: "rm in/new/moved/f")
            try await expect([.renamed], "in/new", after: "mv in/new outside/new; mkfifo outside/new/p outside/new/sub/p")
            try await expect([.created], "in/end", after: "mkfifo in/end")
        }
    }

    @Test("what is made in a new directory before it is watched is told as well", .timeLimit(.minutes(1)))
    func quickly() async throws {
        try await RealAgent.run { agent in
            let watched = try await agent.files.watch(agent.root, recursively: true)
            try await agent.shell("for i in $(seq 50); do mkdir -p d$i/e/f; mkfifo d$i/e/f/p; done")
            var missing = Set((1...50).map { FileChange(.created, path: agent.path("d\($0)/e/f/p")) })
            // Whatever else is told; a directory is looked into after the events that came with its own.
            for try await change in watched {
                missing.remove(change)
                if missing.isEmpty { break }
            }
            #expect(missing.isEmpty)
        }
    }

    @Test("a watcher who does not read loses changes and is told so, and the agent goes on")
    func overflow() async throws {
        try await RealAgent.run { agent in
            let watched = try await agent.files.watch(agent.root, recursively: false)
            // More than the window, our own buffer and the kernel's queue hold.
            let name = String(repeating: "n", count: 150)
            try await agent.shell("seq -f '\(name)%.0f' 60000 | xargs touch")
            #expect(try await agent.shell("echo alive") == "alive\n")
            var count = 0
            for try await change in watched {
                if change.kind == .overflow {
                    #expect(change.path == agent.root)
                    break
                }
                count += 1
            }
            #expect(count < 120_000)
            try await agent.shell(": > after")
            var sawAfter = false
            for try await change in watched where change.path == agent.path("after") {
                sawAfter = true
                break
            }
            #expect(sawAfter)
        }
    }

    @Test("ends with its directory, and needs one")
    func end() async throws {
        try await RealAgent.run { agent in
            try await agent.shell("mkdir d e; touch f")
            let removed = try await agent.files.watch(agent.path("d"), recursively: true)
            let moved = try await agent.files.watch(agent.path("e"), recursively: true)
            try await agent.shell("rmdir d; mv e x")
            var told: [FileChange] = []
            for try await change in removed { told.append(change) }
            #expect(told.last == FileChange(.removed, path: agent.path("d")))
            told = []
            for try await change in moved { told.append(change) }
            #expect(told == [FileChange(.renamed, path: agent.path("e"))])
            #expect(await problem { _ = try await agent.files.watch(agent.path("f"), recursively: false) } == .notDirectory)
            #expect(await problem { _ = try await agent.files.watch(agent.path("none"), recursively: true) } == .notFound)
        }
    }
}
#endif
