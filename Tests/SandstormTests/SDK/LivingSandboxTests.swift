import Foundation
import Sandstorm
import SandstormTestSupport
import Testing

/// One suite for both ways: a program must not notice whether a gateway or the embedded engine has its sandboxes.
@Suite("Living sandboxes, embedded and with a gateway", .needsSandboxes) struct LivingSandboxTests {
    /// Does something with a `Sandstorm` of the kind, and ends everything after it.
    private func with(_ place: PlaceTests.Place, _ work: (Sandstorm) async throws -> Void) async throws {
        let fixture = try Fixture()
        let ended: Result<Void, any Error>
        switch place {
        case .embedded:
            let sandstorm = Sandstorm(dataDirectory: fixture.directory.path + "/embedded")
            ended = await outcome { try await work(sandstorm) }
            await sandstorm.shutDown()
            #expect(Sandboxes.living(in: fixture.directory.path + "/embedded") == [])
        case .gateway:
            let (gateway, url) = try await fixture.serve("--dev")
            let sandstorm = Sandstorm(gateway: url)
            ended = await outcome { try await work(sandstorm) }
            await sandstorm.shutDown()
            gateway.send(.terminate)
            _ = try await gateway.outcome()
            #expect(Sandboxes.living(in: fixture.directory.path + "/gateway") == [])
        }
        try ended.get()
    }

    @Test("the guide's example", arguments: PlaceTests.Place.allCases)
    func example(place: PlaceTests.Place) async throws {
        try await with(place) { sandstorm in
            var seen: SandboxID?
            let result = try await sandstorm.withSandbox { sandbox in
                seen = sandbox.id
                try await sandbox.files.write("hello.sh", "echo \"hello $1\"; cat; exit 3")
                return try await sandbox.run(Command(["sh", "hello.sh", "world"]), input: Array("input\n".utf8))
            }
            #expect(result.stdout == "hello world\ninput\n")
            #expect(result.exitCode == 3)
            #expect(!result.isSuccess)
            let id = try #require(seen)
            #expect(try await sandstorm.sandbox(id).info().state == .ended)
            let error = await #expect(throws: SandstormError.self) { try await sandstorm.sandbox(id).run("true") }
            #expect(error?.kind == .sandboxEnded)
            let unknown = await #expect(throws: SandstormError.self) { try await sandstorm.sandbox(.generate()).info() }
            #expect(unknown?.kind == .notFound)
        }
    }

    @Test("a conversation with a process", arguments: PlaceTests.Place.allCases)
    func conversation(place: PlaceTests.Place) async throws {
        try await with(place) { sandstorm in
            try await sandstorm.withSandbox { sandbox in
                let process = try await sandbox.start(
                    Command(
                        ["sh", "-c", "trap 'echo trapped; exit 5' TERM; while read x; do echo \"<$x>\"; done; stty size"],
                        terminal: TerminalSize(columns: 80, rows: 24)))
                var events = process.events.makeAsyncIterator()
                var text = ""
                func read(until mark: String) async throws {
                    while !text.contains(mark), let event = try await events.next() {
                        if case .stdout(let bytes) = event.body { text += String(decoding: bytes, as: UTF8.self) }
                    }
                    #expect(text.contains(mark))
                }
                try await process.write("one\n")
                try await read(until: "<one>")
                try await process.resize(columns: 101, rows: 51)
                try await process.write("\u{4}")
                try await read(until: "51 101")
                #expect(try await sandbox.processes().map(\.id).contains(process.id))

                let piped = try await sandbox.start(Command(["cat"]))
                try await piped.write(Array("bytes".utf8))
                try await piped.closeInput()
                let result = try await piped.result()
                #expect(result.stdoutBytes == Array("bytes".utf8))
                #expect(result.exitCode == 0)
                let again = try await sandbox.process(piped.id, following: false).result()
                #expect(again.stdout == "bytes")

                let slow = try await sandbox.run(Command(["sleep", "60"]), timeout: .milliseconds(300))
                #expect(slow.failure?.kind == .timeout)
                let missing = await #expect(throws: SandstormError.self) { try await sandbox.run("no-such-program") }
                #expect(missing?.kind == .invalidRequest)
            }
        }
    }

    @Test("a cancelled command is killed", arguments: PlaceTests.Place.allCases)
    func cancellation(place: PlaceTests.Place) async throws {
        try await with(place) { sandstorm in
            try await sandstorm.withSandbox { sandbox in
                let task = Task {
                    let process = try await sandbox.start(Command(["sh", "-c", "echo begun; sleep 1234"]))
                    for try await event in process.events {
                        if case .stdout = event.body { withUnsafeCurrentTask { $0?.cancel() } }
                    }
                }
                let error = await #expect(throws: SandstormError.self) { try await task.value }
                #expect(error?.kind == .cancelled)
                let hasEnded = try await eventually {
                    let processes = try await sandbox.processes()
                    return processes.allSatisfy { $0.exit != nil || $0.failure != nil }
                }
                #expect(hasEnded)
            }
        }
    }

    @Test("files", arguments: PlaceTests.Place.allCases)
    func files(place: PlaceTests.Place) async throws {
        try await with(place) { sandstorm in
            try await sandstorm.withSandbox { sandbox in
                let files = sandbox.files
                #expect(try await files.write("a/b.txt", "hello", mode: 0o600).mode == 0o600)
                #expect(try await files.readText("/workspace/a/b.txt") == "hello")
                #expect(try await files.read("a/b.txt", range: 1..<3) == Array("el".utf8))
                #expect(try await files.read("a/b.txt", range: 9..<12) == [])
                #expect(try await files.exists("a/b.txt"))
                #expect(try await !files.exists("a/c.txt"))
                let pieces = AsyncStream<[UInt8]> { continuation in
                    for number in 0..<64 { continuation.yield([UInt8](repeating: UInt8(number), count: 65_536)) }
                    continuation.finish()
                }
                #expect(try await files.write("big", from: pieces).size == 64 * 65_536)
                let file = try await files.open("big")
                #expect(file.size == Int64(64 * 65_536))
                let bytes = try await file.bytes.collect(upTo: 64 * 65_536)
                #expect(bytes.count == 64 * 65_536 && bytes.last == 63)
                #expect(try await files.makeDirectory("d/e"))
                #expect(try await !files.makeDirectory("d/e"))
                #expect(try await files.move("a/b.txt", to: "d/b.txt").path == "/workspace/d/b.txt")
                #expect(try await files.setAttributes(FileAttributes(mode: 0o755), of: "d/b.txt").mode == 0o755)
                #expect(try await files.list().map(\.name) == ["a", "big", "d"])
                #expect(try await files.list("d", depth: 2).map(\.path) == ["/workspace/d/b.txt", "/workspace/d/e"])
                let notEmpty = await #expect(throws: SandstormError.self) { try await files.remove("d") }
                #expect(notEmpty?.kind == .conflict)
                let archive = try await files.archive("d").collect(upTo: 1 << 20)
                try await files.remove("d", recursively: true)
                let missing = await #expect(throws: SandstormError.self) { try await files.read("d/b.txt") }
                #expect(missing?.kind == .fileNotFound)
                try await files.extract(
                    AsyncStream<[UInt8]> { continuation in
                        continuation.yield(archive)
                        continuation.finish()
                    }, into: "again")
                #expect(try await files.readText("again/b.txt") == "hello")
                let forbidden = await #expect(throws: SandstormError.self) { try await files.write("/etc/x", "x") }
                #expect(forbidden?.kind == .forbidden)
                var changes = try await files.watch("again").makeAsyncIterator()
                try await files.write("again/new", "x")
                #expect(try await changes.next()?.path.hasPrefix("/workspace/again") == true)
            }
        }
    }

    @Test("lists, leases and usage", arguments: PlaceTests.Place.allCases)
    func life(place: PlaceTests.Place) async throws {
        try await with(place) { sandstorm in
            var spec = SandboxSpec()
            spec.metadata = ["team": "a b&c"]
            let sandbox = try await sandstorm.createSandbox(SandboxRequest(spec: spec))
            #expect(try await sandstorm.sandboxes(in: [.running], metadata: ["team": "a b&c"]).map(\.id) == [sandbox.id])
            #expect(try await sandstorm.sandboxes(metadata: ["team": "other"]) == [])
            let lease = try await sandbox.info().leaseUntil
            #expect(try await sandbox.renew(for: .seconds(3600)).leaseUntil > lease)
            _ = try await sandbox.usage()
            let ended = try await sandbox.kill()
            #expect(ended.state == .ended)
            #expect(try await sandbox.kill().state == .ended)
            #expect(try await sandstorm.prices(for: .seconds(600)).contains { $0.offer.provider == "local" })
        }
    }

    @Test("copies and pauses", arguments: PlaceTests.Place.allCases)
    func copies(place: PlaceTests.Place) async throws {
        try await with(place) { sandstorm in
            try await sandstorm.withSandbox { sandbox in
                try await sandbox.files.write("kept", "one")
                do throws(SandstormError) {
                    #expect(try await sandbox.pause().state == .paused)
                } catch {
                    // Where the machine can't freeze, the call says so.
                    #expect(error.kind == .unsupported)
                    return
                }
                #expect(try await sandbox.resume().state == .running)
                let snapshot = try await sandbox.snapshot(name: "first")
                try await sandbox.files.write("kept", "two")
                #expect(try await sandstorm.snapshots(of: sandbox.id) == [snapshot])
                #expect(try await sandstorm.snapshot(snapshot.id).name == "first")
                let fork = try await sandbox.fork(metadata: ["copy": "yes"])
                #expect(try await fork.files.readText("kept") == "two")
                #expect(try await fork.info().parent == sandbox.id)
                let old = try await sandstorm.createSandbox(SandboxRequest(snapshot: snapshot.id))
                #expect(try await old.files.readText("kept") == "one")
                try await fork.kill()
                try await old.kill()
                try await sandstorm.deleteSnapshot(snapshot.id)
                let gone = await #expect(throws: SandstormError.self) { try await sandstorm.deleteSnapshot(snapshot.id) }
                #expect(gone?.kind == .notFound)
            }
        }
    }

    @Test("a port", arguments: PlaceTests.Place.allCases)
    func port(place: PlaceTests.Place) async throws {
        try await with(place) { sandstorm in
            try await sandstorm.withSandbox { sandbox in
                try await sandbox.files.write("page.txt", "from the sandbox")
                let server = try await sandbox.start(
                    ProcessRequest(Command(["python3", "-m", "http.server", "8000", "--bind", "127.0.0.1"]), detached: true))
                let endpoint = try await sandbox.endpoint(port: 8000)
                var arguments = ["--silent", "--fail", "--max-time", "10"]
                for (name, value) in endpoint.headers { arguments += ["--header", "\(name): \(value)"] }
                var page = endpoint.url.absoluteString
                if endpoint.url.scheme == "http+unix", let socket = endpoint.url.host(percentEncoded: false) {
                    arguments += ["--unix-socket", socket]
                    page = "http://localhost/"
                }
                page += (page.hasSuffix("/") ? "" : "/") + "page.txt"
                let call = arguments + [page]
                let isThere = try await eventually(within: .seconds(60)) {
                    let curl = try ChildProgram("/usr/bin/curl", call, environment: [:])
                    return await curl.wait() == 0 && curl.output == Array("from the sandbox".utf8)
                }
                #expect(isThere)
                #expect(try await sandbox.process(server.id).info.exit == nil)
            }
        }
    }
}
