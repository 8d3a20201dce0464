#if os(Linux)
import Foundation
import NIOCore
import SandstormCore
import SandstormTestSupport
import Testing

@testable import SandstormWire

@Suite("Files through the agent", .enabled(if: RealAgent.isBuilt, RealAgent.why))
struct AgentFilesTests {
    private static let oddNames = [
        "with space", "new\nline", "tab\t", "-rf", "--", "ünïcödé ✓ 🏖", String(repeating: "x", count: 255), "*?[a]", "\\back", "'quote\"",
        ".hidden", "...",
    ]

    @Test("odd names are names like any other")
    func oddNames() async throws {
        try await RealAgent.run { agent in
            for name in Self.oddNames {
                try await agent.files.write(agent.path(name), from: pieces(1, of: 3), mode: 0o600)
                let info = try await agent.files.info(agent.path(name), followingLinks: false)
                #expect(info.path == agent.path(name))
                #expect(info.kind == .file)
                #expect(info.size == 3)
                #expect(info.mode == 0o600)
            }
            #expect(Set(try await agent.names()) == Set(Self.oddNames))
            for name in Self.oddNames {
                try await agent.files.move(agent.path(name), to: agent.path("moved"), replacing: false)
                try await agent.files.remove(agent.path("moved"), recursively: false)
            }
            #expect(try await agent.names().isEmpty)
            #expect(await problem { try await agent.write(String(repeating: "x", count: 256), "") } == .badPath)
            #expect(await problem { try await agent.write("nul\0", "") } == .badPath)
            #expect(await problem { try await agent.write(String(repeating: "d/", count: 3000), "") } == .badPath)
            #expect(await problem { _ = try await agent.files.info("/nul\0", followingLinks: true) } == .badPath)
        }
    }

    @Test("a large file goes in and out as a stream, and parts of it can be asked for")
    func largeFile() async throws {
        try await RealAgent.run { agent in
            let size = 100 * 1024 * 1024
            try await agent.files.write(agent.path("deep/large"), from: pieces(100, of: 1024 * 1024), mode: 0o640)
            let content = try await agent.files.open(agent.path("deep/large"), range: nil)
            #expect(content.info.size == Int64(size))
            #expect(content.info.mode == 0o640)
            var count = 0
            for try await piece in content.bytes {
                #expect(piece.getInteger(at: piece.readerIndex, as: UInt8.self) == UInt8(truncatingIfNeeded: count >> 20))
                count += piece.readableBytes
            }
            #expect(count == size)

            func part(_ range: Range<Int64>) async throws -> [UInt8] {
                let part = try await agent.files.open(agent.path("deep/large"), range: range)
                #expect(part.info.size == Int64(size))
                return Array(buffer: try await part.bytes.collect(upTo: 1 << 20))
            }
            #expect(try await part(1_048_574..<1_048_578) == [0, 0, 1, 1])
            #expect(try await part(Int64(size) - 1..<Int64(size) + 10) == [99])
            #expect(try await part(Int64(size) + 10..<Int64(size) + 20).isEmpty)
            #expect(try await part(5..<5).isEmpty)
        }
    }

    @Test("an empty file is a file")
    func emptyFile() async throws {
        try await RealAgent.run { agent in
            try await agent.files.write(agent.path("empty"), from: pieces(0, of: 0), mode: 0o644)
            #expect(try await agent.files.info(agent.path("empty"), followingLinks: true).size == 0)
            #expect(try await agent.files.open(agent.path("empty"), range: nil).bytes.collect(upTo: 1).readableBytes == 0)
        }
    }

    @Test("a write that is cut leaves what was there, and nothing else")
    func cutWrite() async throws {
        try await RealAgent.run { agent in
            try await agent.write("f", "before")
            let failure = ProviderError(.unavailable, "the client is gone")
            let error = await #expect(throws: ProviderError.self) {
                try await agent.files.write(agent.path("f"), from: pieces(10, of: 100_000, then: failure), mode: 0o644)
            }
            #expect(error == failure)
            #expect(try await agent.names() == ["f"])

            // One that never ends, whose task is cancelled once it is under way.
            let writing = Task { try await agent.files.write(agent.path("f"), from: pieces(.max, of: 65_536), mode: 0o644) }
            #expect(try await eventually { try await agent.names().count == 2 })
            writing.cancel()
            await #expect(throws: ProviderError.self) { try await writing.value }
            #expect(try await agent.names() == ["f"])
            #expect(try await agent.text("f") == "before")
        }
    }

    @Test("readers that don't read hold up nobody")
    func stalledReaders() async throws {
        try await RealAgent.run { agent in
            try await agent.files.write(agent.path("large"), from: pieces(16, of: 1024 * 1024), mode: 0o644)
            @Sendable func openFiles() async throws -> Int {
                let count = try await agent.shell("ls /proc/\(agent.pid)/fd | wc -l")
                return Int(count.filter(\.isNumber)) ?? -1
            }
            func stall() async throws {
                var stalled: [FileContent] = []
                for _ in 0..<20 { stalled.append(try await agent.files.open(agent.path("large"), range: nil)) }
                for content in stalled {
                    var iterator = content.bytes.makeAsyncIterator()
                    _ = try await iterator.next()
                }
                #expect(try await openFiles() > 20)
                #expect(stalled.count == 20)
            }
            let before = try await openFiles()
            try await stall()
            #expect(try await eventually { try await openFiles() <= before }, "letting go of the bytes lets go of the file")
        }
    }

    @Test("info tells what is there")
    func info() async throws {
        try await RealAgent.run { agent in
            try await agent.write("file", "12345", mode: 0o4755)
            try await agent.shell(
                "ln -s file link; ln -s nowhere broken; ln -s loop loop; mkfifo fifo; mkdir -m 1777 dir; touch -d @1000000000.5 file")
            let file = try await agent.files.info(agent.path("file"), followingLinks: true)
            #expect(file.kind == .file)
            #expect(file.mode == 0o4755)
            #expect(file.modifiedAt == Date(timeIntervalSince1970: 1_000_000_000.5))
            #expect(file.owner == NSUserName())
            let link = try await agent.files.info(agent.path("link"), followingLinks: false)
            #expect(link.kind == .symbolicLink)
            #expect(link.linkTarget == "file")
            let followed = try await agent.files.info(agent.path("link"), followingLinks: true)
            #expect(followed.kind == .file)
            #expect(followed.size == 5)
            #expect(followed.linkTarget == nil)
            #expect(try await agent.files.info(agent.path("fifo"), followingLinks: true).kind == .other)
            let directory = try await agent.files.info(agent.path("dir"), followingLinks: true)
            #expect(directory.kind == .directory)
            #expect(directory.mode == 0o1777)
            #expect(try await agent.files.info("/", followingLinks: true).kind == .directory)
            #expect(await problem { _ = try await agent.files.info(agent.path("broken"), followingLinks: true) } == .notFound)
            #expect(await problem { _ = try await agent.files.info(agent.path("loop"), followingLinks: true) } == .badPath)
            #expect(await problem { _ = try await agent.files.info(agent.path("file/x"), followingLinks: true) } == .notDirectory)
            #expect(await problem { _ = try await agent.files.open(agent.path("dir"), range: nil) } == .isDirectory)
            #expect(await problem { _ = try await agent.files.open(agent.path("fifo"), range: nil) } == .badPath)
            #expect(await problem { _ = try await agent.files.open(agent.path("none"), range: nil) } == .notFound)
            #expect(await problem { _ = try await agent.files.read(agent.path("none"), upTo: 1) } == .notFound)
            #expect(await problem { _ = try await agent.files.read(agent.path("file"), upTo: 4) } == .tooLarge)
            #expect(await problem { _ = try await agent.files.read(agent.path("dir"), upTo: 4) } == .isDirectory)
            #expect(await problem { try await agent.write("dir", "") } == .isDirectory)
            #expect(await problem { try await agent.write("file/x", "") } == .notDirectory)
        }
    }

    @Test("a listing goes as deep as asked, does not follow links, and has an order")
    func list() async throws {
        try await RealAgent.run { agent in
            try await agent.shell("mkdir -p a/b/c a-b; touch a/b/c/f a/x a-b/y z; ln -s a link; ln -s . self")
            #expect(try await agent.names() == ["a", "a-b", "link", "self", "z"])
            #expect(try await agent.names(depth: 2) == ["a", "a/b", "a/x", "a-b", "a-b/y", "link", "self", "z"])
            #expect(try await agent.names(depth: .max).contains("a/b/c/f"))
            #expect(try await agent.names("link") == ["b", "x"], "the directory itself may be reached through a link")
            #expect(try await agent.files.list(agent.root + "/", depth: 1).first?.path == agent.path("a"))
            #expect(await problem { _ = try await agent.names("z") } == .notDirectory)
            #expect(await problem { _ = try await agent.names("none") } == .notFound)
            await #expect(throws: ProviderError.self) { _ = try await agent.names(depth: 0) }
        }
    }

    @Test("a directory of 20,000 entries can be listed and removed while commands run")
    func hugeDirectory() async throws {
        try await RealAgent.run { agent in
            try await agent.shell("mkdir many; cd many; seq -f 'entry-%06.0f' 20000 | xargs touch")
            async let entries = agent.files.list(agent.path("many"), depth: 1)
            #expect(try await agent.shell("echo alive") == "alive\n")
            let listed = try await entries
            #expect(listed.count == 20_000)
            #expect(listed.first?.name == "entry-000001")
            #expect(listed.last?.name == "entry-020000")
            async let removal: Void = agent.files.remove(agent.path("many"), recursively: true)
            #expect(try await agent.shell("echo alive") == "alive\n")
            try await removal
            #expect(try await agent.names().isEmpty)
        }
    }

    @Test("a directory is made with its parents, once")
    func makeDirectory() async throws {
        try await RealAgent.run { agent in
            #expect(try await agent.files.makeDirectory(agent.path("a/b/c"), mode: 0o2770))
            #expect(try await agent.files.info(agent.path("a/b/c"), followingLinks: true).mode == 0o2770)
            #expect(try await agent.files.makeDirectory(agent.path("a/b/c/"), mode: 0o700) == false)
            #expect(try await agent.files.info(agent.path("a/b/c"), followingLinks: true).mode == 0o2770, "what was there stays as it was")
            #expect(try await agent.files.makeDirectory("/", mode: 0o700) == false)
            try await agent.write("f", "")
            #expect(await problem { _ = try await agent.files.makeDirectory(agent.path("f"), mode: 0o755) } == .exists)
            #expect(await problem { _ = try await agent.files.makeDirectory(agent.path("f/x"), mode: 0o755) } == .notDirectory)
        }
    }

    @Test("a move replaces only if it may")
    func move() async throws {
        try await RealAgent.run { agent in
            try await agent.write("a", "A")
            try await agent.write("b", "B")
            #expect(await problem { try await agent.files.move(agent.path("a"), to: agent.path("b"), replacing: false) } == .exists)
            #expect(try await agent.text("b") == "B")
            try await agent.files.move(agent.path("a"), to: agent.path("b"), replacing: true)
            #expect(try await agent.text("b") == "A")
            #expect(try await agent.names() == ["b"])
            #expect(await problem { try await agent.files.move(agent.path("a"), to: agent.path("c"), replacing: false) } == .notFound)
            try await agent.shell("mkdir -p dir/sub full/x")
            #expect(await problem { try await agent.files.move(agent.path("dir"), to: agent.path("full"), replacing: true) } == .notEmpty)
            #expect(await problem { try await agent.files.move(agent.path("b"), to: agent.path("full"), replacing: true) } == .isDirectory)
            #expect(await problem { try await agent.files.move(agent.path("dir"), to: agent.path("b"), replacing: true) } == .notDirectory)
            #expect(
                await problem { try await agent.files.move(agent.path("dir"), to: agent.path("dir/sub/x"), replacing: true) } == .badPath)
            try await agent.files.move(agent.path("dir"), to: agent.path("full/dir"), replacing: false)
            #expect(try await agent.names("full", depth: 2) == ["dir", "dir/sub", "x"])
        }
    }

    @Test("a move between file systems is a whole one", .enabled(if: FileManager.default.fileExists(atPath: "/dev/shm")))
    func moveBetweenFileSystems() async throws {
        let elsewhere = "/dev/shm/sandstorm-test-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: elsewhere) }
        try await RealAgent.run { agent in
            try await agent.shell(
                """
                mkdir -p tree/sub; head -c 300000 /dev/zero > tree/sub/file; ln -s file tree/sub/link; mkfifo tree/fifo
                chmod 640 tree/sub/file; touch -d @1000000000 tree/sub/file tree/sub; chmod 750 tree
                """)
            #expect(try await agent.files.makeDirectory(elsewhere, mode: 0o755))
            try await agent.files.move(agent.path("tree"), to: "\(elsewhere)/moved", replacing: false)
            #expect(try await agent.names().isEmpty)
            let moved = try await agent.files.list(elsewhere, depth: 9)
            let names = moved.map { String($0.path.dropFirst(elsewhere.count + 1)) }
            try #require(names == ["moved", "moved/fifo", "moved/sub", "moved/sub/file", "moved/sub/link"])
            #expect(moved.map(\.kind) == [.directory, .other, .directory, .file, .symbolicLink])
            #expect(moved[0].mode == 0o750)
            #expect(moved[3].mode == 0o640)
            #expect(moved[3].size == 300_000)
            #expect(moved[3].modifiedAt == Date(timeIntervalSince1970: 1_000_000_000))
            #expect(moved[2].modifiedAt == Date(timeIntervalSince1970: 1_000_000_000))
            try await agent.write("f", "new")
            #expect(await problem { try await agent.files.move(agent.path("f"), to: "\(elsewhere)/moved", replacing: false) } == .exists)
            #expect(
                await problem { try await agent.files.move(agent.path("f"), to: "\(elsewhere)/moved", replacing: true) } == .isDirectory)
            #expect(try await agent.text("f") == "new")
            try await agent.files.move(agent.path("f"), to: "\(elsewhere)/moved/sub/file", replacing: true)
            #expect(String(buffer: try await agent.files.read("\(elsewhere)/moved/sub/file", upTo: 10)) == "new")
            #expect(try await agent.files.list(elsewhere, depth: 9).count == 5, "no temporary is left")
        }
    }

    @Test("removing takes what is there and never what a link points to")
    func remove() async throws {
        try await RealAgent.run { agent in
            try await agent.shell("mkdir -p keep tree/a/b empty; touch keep/f tree/a/b/f; ln -s ../keep tree/link; ln -s keep top")
            #expect(await problem { try await agent.files.remove(agent.path("tree"), recursively: false) } == .notEmpty)
            #expect(await problem { try await agent.files.remove(agent.path("none"), recursively: true) } == .notFound)
            #expect(await problem { try await agent.files.remove("/", recursively: true) } == .badPath)
            #expect(await problem { try await agent.files.remove(agent.path("tree/.."), recursively: true) } == .badPath)
            try await agent.files.remove(agent.path("empty"), recursively: false)
            try await agent.files.remove(agent.path("tree"), recursively: true)
            try await agent.files.remove(agent.path("top"), recursively: true)
            #expect(try await agent.names(depth: 2) == ["keep", "keep/f"])
        }
    }

    @Test("a tree deeper than any path can name is removed")
    func removeDeep() async throws {
        try await RealAgent.run { agent in
            try await agent.shell(
                """
                part=$(for i in $(seq 300); do printf dddddddd/; done)
                for i in 1 2 3 4 5; do mkdir -p $part && cd -P $part || exit 1; done 2>/dev/null
                """)
            try await agent.files.remove(agent.path("dddddddd"), recursively: true)
            #expect(try await agent.names().isEmpty)
        }
    }

    @Test("removing while somebody swaps directories for links takes nothing outside")
    func removeRace() async throws {
        try await RealAgent.run { agent in
            try await agent.shell("mkdir keep; for i in $(seq 50); do touch keep/$i; done")
            for _ in 0..<15 {
                try await agent.shell("for i in $(seq 40); do mkdir -p tree/$i/sub; touch tree/$i/sub/f; done")
                async let swapping: String = agent.shell(
                    "for i in $(seq 40); do mv tree/$i tree/x$i 2>/dev/null; ln -s ../keep tree/$i 2>/dev/null; done; true")
                // That somebody adds and takes away meanwhile may make it fail.
                try? await agent.files.remove(agent.path("tree"), recursively: true)
                _ = try await swapping
                #expect(try await agent.names("keep").count == 50)
                if try await agent.names().contains("tree") { try await agent.files.remove(agent.path("tree"), recursively: true) }
            }
        }
    }

    @Test("attributes are set, and a link's are those of what it points to")
    func attributes() async throws {
        try await RealAgent.run { agent in
            try await agent.write("f", "")
            try await agent.shell("ln -s f link; ln -s nowhere broken")
            let time = Date(timeIntervalSince1970: 1_234_567_890.25)
            try await agent.files.setAttributes(FileAttributes(mode: 0o600, modifiedAt: time), of: agent.path("link"))
            let info = try await agent.files.info(agent.path("f"), followingLinks: false)
            #expect(info.mode == 0o600)
            #expect(info.modifiedAt == time)
            try await agent.files.setAttributes(FileAttributes(), of: agent.path("f"))
            #expect(try await agent.files.info(agent.path("f"), followingLinks: false) == info)
            #expect(
                await problem { try await agent.files.setAttributes(FileAttributes(mode: 0o600), of: agent.path("broken")) } == .notFound)
            let unknown = await #expect(throws: ProviderError.self) {
                try await agent.files.setAttributes(FileAttributes(owner: "nobody-knows"), of: agent.path("f"))
            }
            #expect(unknown?.message.contains("nobody-knows") == true)
        }
    }

    @Test("an owner is set by name or number", .enabled(if: RealAgent.isRoot, "needs root"))
    func owner() async throws {
        try await RealAgent.run { agent in
            try await agent.write("f", "", mode: 0o755)
            try await agent.files.setAttributes(FileAttributes(mode: 0o4755, owner: "daemon", group: "4321"), of: agent.path("f"))
            let info = try await agent.files.info(agent.path("f"), followingLinks: false)
            #expect(info.owner == "daemon")
            #expect(info.group == "4321")
            #expect(info.mode == 0o4755, "the mode is set after the owner, which clears its set-id bits")
        }
    }

    @Test("the session's end ends what is under way")
    func sessionEnd() async throws {
        try await RealAgent.run { agent in
            try await agent.files.write(agent.path("large"), from: pieces(4, of: 1024 * 1024), mode: 0o644)
            let content = try await agent.files.open(agent.path("large"), range: nil)
            let changes = try await agent.files.watch(agent.root, recursively: false)
            let writing = Task { try await agent.files.write(agent.path("f"), from: pieces(.max, of: 65_536), mode: 0o644) }
            agent.connection.close()
            await #expect(throws: ProviderError.self) { for try await _ in changes {} }
            await #expect(throws: ProviderError.self) { for try await _ in content.bytes {} }
            await #expect(throws: ProviderError.self) { try await writing.value }
            await #expect(throws: ProviderError.self) { _ = try await agent.files.info("/", followingLinks: true) }
        }
    }
}
#endif
