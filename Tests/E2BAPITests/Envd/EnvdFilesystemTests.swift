import NIOCore
import SandstormCore
import SandstormEngine
import SandstormTestSupport
import SandstormWire
import Testing

@testable import E2BAPI

/// With real files.
@Suite("Files and directories through envd", .enabled(if: LocalMachine.canRun, LocalMachine.why)) struct EnvdFilesystemTests {
    private func entry(_ sandbox: TestSandbox, _ path: String) async throws -> JSONValue? {
        try await sandbox.call("filesystem.Filesystem/Stat", ["path": .string(path)]).json["entry"]
    }

    @Test func `an entry says what the vendor's says`() async throws {
        try await TestE2B.local { server in
            let sandbox = try await server.sandbox()
            _ = try await sandbox.run(
                "mkdir -p ~/d; printf 12345 > ~/d/file; chmod 640 ~/d/file; ln -s file ~/d/link; ln -s nowhere ~/d/broken")
            let file = try #require(try await entry(sandbox, "d/file"))
            #expect(file["name"] == "file" && file["type"] == "FILE_TYPE_FILE" && file["path"] == "/home/user/d/file")
            #expect(file["size"] == "5" && file["mode"] == 0o640 && file["permissions"] == "-rw-r-----")
            #expect(file["owner"]?.stringValue?.isEmpty == false && file["group"]?.stringValue?.isEmpty == false)
            #expect(file["modifiedTime"]?.stringValue?.hasSuffix("Z") == true)
            #expect(file["isSymlink"] == nil && file["symlinkTarget"] == nil && file["metadata"] == nil)
            let directory = try #require(try await entry(sandbox, "~/d/"))
            #expect(directory["type"] == "FILE_TYPE_DIRECTORY" && directory["path"] == "/home/user/d" && directory["size"] == nil)
            #expect(directory["permissions"]?.stringValue?.first == "d")
            let link = try #require(try await entry(sandbox, "/home/user/d/link"))
            #expect(link["type"] == "FILE_TYPE_FILE" && link["isSymlink"] == true && link["symlinkTarget"] == "/home/user/d/file")
            let broken = try #require(try await entry(sandbox, "d/broken"))
            #expect(broken["type"] == "FILE_TYPE_SYMLINK" && broken["symlinkTarget"] == "/home/user/d/nowhere")
            for path in ["d/none", "d/file/below"] {
                #expect(
                    ["not_found", "invalid_argument"].contains(
                        try await sandbox.code("filesystem.Filesystem/Stat", ["path": .string(path)])))
            }
            #expect(try await sandbox.code("filesystem.Filesystem/Stat", ["path": "~other/x"]) == "invalid_argument")
            #expect(try await sandbox.code("filesystem.Filesystem/Stat", ["path": 1]) == "invalid_argument")
        }
    }

    @Test func `directories are made once, with their parents`() async throws {
        try await TestE2B.local { server in
            let sandbox = try await server.sandbox()
            let made = try await sandbox.call("filesystem.Filesystem/MakeDir", ["path": "a/b/c"])
            #expect(made.status == 200)
            #expect(try made.json["entry"]?["path"] == "/home/user/a/b/c")
            let again = try await sandbox.call("filesystem.Filesystem/MakeDir", ["path": "a/b/c"])
            #expect(again.status == 409)
            #expect(try again.json["code"] == "already_exists")
            _ = try await sandbox.run("touch ~/file")
            #expect(try await sandbox.code("filesystem.Filesystem/MakeDir", ["path": "file"]) == "invalid_argument")
            #expect(try await sandbox.code("filesystem.Filesystem/MakeDir", ["path": "file/below"]) == "invalid_argument")
        }
    }

    @Test func `a list is in order, as deep as it was asked for, and follows no links`() async throws {
        try await TestE2B.local { server in
            let sandbox = try await server.sandbox()
            _ = try await sandbox.run(
                "mkdir -p ~/l/a/x/y ~/l/b ~/l/empty; touch ~/l/a/1 ~/l/b/2 ~/l/a-file; ln -s a ~/l/link; ln -s ~/l ~/to-l")
            func paths(_ path: String, _ depth: JSONValue? = nil) async throws -> [String] {
                var message: JSONObject = ["path": .string(path)]
                message["depth"] = depth
                let entries = try await sandbox.call("filesystem.Filesystem/ListDir", .object(message)).json["entries"]?.arrayValue ?? []
                return entries.compactMap { $0["path"]?.stringValue?.replacing("/home/user/", with: "") }
            }
            let first = ["l/a", "l/a-file", "l/b", "l/empty", "l/link"]
            for depth in [nil, 0, 1] as [JSONValue?] { #expect(try await paths("l", depth) == first) }
            #expect(try await paths("l", 2) == ["l/a", "l/a/1", "l/a/x", "l/a-file", "l/b", "l/b/2", "l/empty", "l/link"])
            #expect(try await paths("l", 4_294_967_295).contains("l/a/x/y"))
            #expect(try await paths("to-l").map { $0.split(separator: "/").last } == first.map { $0.split(separator: "/").last })
            #expect(try await sandbox.call("filesystem.Filesystem/ListDir", ["path": "l/empty"]).text == "{}")
            #expect(try await sandbox.code("filesystem.Filesystem/ListDir", ["path": "none"]) == "not_found")
            #expect(try await sandbox.code("filesystem.Filesystem/ListDir", ["path": "l/a-file"]) == "invalid_argument")
        }
    }

    @Test func `files are moved over others, and removed whether they are there or not`() async throws {
        try await TestE2B.local { server in
            let sandbox = try await server.sandbox()
            _ = try await sandbox.run("mkdir -p ~/m/d; echo 1 > ~/m/one; echo 2 > ~/m/two; echo 3 > ~/m/d/three")
            let moved = try await sandbox.call("filesystem.Filesystem/Move", ["source": "m/one", "destination": "m/two"])
            #expect(try moved.json["entry"]?["path"] == "/home/user/m/two")
            #expect(try await sandbox.run("cat ~/m/two").stdout == "1\n")
            #expect(try await sandbox.call("filesystem.Filesystem/Move", ["source": "m/d", "destination": "new/place"]).status == 200)
            #expect(try await sandbox.run("cat ~/new/place/three").stdout == "3\n")
            #expect(
                try await sandbox.code("filesystem.Filesystem/Move", ["source": "m/none", "destination": "elsewhere/x"]) == "not_found")
            #expect(try await entry(sandbox, "elsewhere") == nil)
            for _ in 0..<2 { #expect(try await sandbox.call("filesystem.Filesystem/Remove", ["path": "new"]).text == "{}") }
            #expect(try await entry(sandbox, "new") == nil)
        }
    }

    // MARK: Watching

    @Test func `what changes in a directory is streamed from the first message on`() async throws {
        try await TestE2B.local { server in
            let sandbox = try await server.sandbox()
            _ = try await sandbox.run("mkdir -p ~/w/sub")
            let stream = try await sandbox.stream(
                "filesystem.Filesystem/WatchDir", ["path": "w", "recursive": true, "includeEntry": true],
                headers: [("keepalive-ping-interval", "1")])
            #expect(stream.contentType == "application/connect+json")
            #expect(try await stream.message() == ["start": [:]])
            #expect(try await stream.message() == ["keepalive": [:]])
            _ = try await sandbox.run("echo x > ~/w/sub/file")
            var seen: [JSONValue] = []
            while !seen.contains(where: { $0["type"] == "EVENT_TYPE_WRITE" }) {
                if let event = try await stream.message()["filesystem"] { seen.append(event) }
            }
            #expect(seen.first?["type"] == "EVENT_TYPE_CREATE" && seen.first?["name"] == "sub/file")
            #expect(seen.allSatisfy { $0["entry"]?["path"] == "/home/user/w/sub/file" })
            _ = try await sandbox.run("mv ~/w/sub/file ~/w/sub/other; rm ~/w/sub/other")
            seen = []
            while !seen.contains(where: { $0["type"] == "EVENT_TYPE_REMOVE" }) {
                if let event = try await stream.message()["filesystem"] { seen.append(event) }
            }
            #expect(seen.contains { $0["type"] == "EVENT_TYPE_RENAME" && $0["name"] == "sub/file" })
            #expect(seen.last?["name"] == "sub/other")
            for (path, code) in [("none", ConnectCode.notFound), ("w/..//w/sub/../../.bashrc-none", .notFound)] {
                let refused = try await sandbox.stream("filesystem.Filesystem/WatchDir", ["path": .string(path)])
                let frame = try #require(try await refused.next())
                #expect(frame.isEnd)
                #expect(ConnectEndOfStream(json: try frame.message()).error?.code == code)
            }
        }
    }

    @Test func `a watcher keeps events until they are asked for`() async throws {
        try await TestE2B.local { server in
            let sandbox = try await server.sandbox()
            let made = try await sandbox.call("filesystem.Filesystem/CreateWatcher", ["path": "/home/user"])
            let id = try #require(try made.json["watcherId"])
            #expect(try await sandbox.call("filesystem.Filesystem/GetWatcherEvents", ["watcherId": id]).text == "{}")
            _ = try await sandbox.run("touch ~/one")
            var events: [JSONValue] = []
            let isThere = try await eventually {
                let more = try await sandbox.call("filesystem.Filesystem/GetWatcherEvents", ["watcherId": id]).json["events"]?.arrayValue
                return more?.contains { $0["name"] == "one" && $0["type"] == "EVENT_TYPE_CREATE" && $0["entry"] == nil } ?? false
            }
            #expect(isThere)
            events = try await sandbox.call("filesystem.Filesystem/GetWatcherEvents", ["watcherId": id]).json["events"]?.arrayValue ?? []
            #expect(!events.contains { $0["type"] == "EVENT_TYPE_CREATE" })
            // Another sandbox has no use for the id.
            let other = try await server.sandbox()
            #expect(try await other.code("filesystem.Filesystem/GetWatcherEvents", ["watcherId": id]) == "not_found")
            #expect(try await sandbox.call("filesystem.Filesystem/RemoveWatcher", ["watcherId": id]).text == "{}")
            for procedure in ["GetWatcherEvents", "RemoveWatcher"] {
                #expect(try await sandbox.code("filesystem.Filesystem/\(procedure)", ["watcherId": id]) == "not_found")
            }
            #expect(try await sandbox.code("filesystem.Filesystem/CreateWatcher", ["path": "one"]) == "invalid_argument")
            #expect(try await sandbox.code("filesystem.Filesystem/CreateWatcher", ["path": "none"]) == "not_found")
        }
    }

    // MARK: Users

    @Test(.enabled(if: LocalMachine.isRoot, "needs root"))
    func `root has what root has, and files written as root are root's`() async throws {
        try await TestE2B.local { server in
            let plain = try await server.sandbox()
            let asRoot = [("authorization", "Basic cm9vdDo=")]
            #expect(try await plain.code("filesystem.Filesystem/Stat", ["path": "/"], headers: asRoot) == "unauthenticated")
            let sandbox = try await server.sandbox { $0.spec.rootAccess = true }
            let outcome = try await sandbox.run("id -un; echo $HOME; pwd; touch /etc/by-root", headers: asRoot)
            #expect(outcome.stdout == "root\n/root\n/root\n", "\(outcome)")
            let made = try await sandbox.call("filesystem.Filesystem/MakeDir", ["path": "x"], headers: asRoot).json["entry"]
            #expect(made?["path"] == "/root/x" && made?["owner"] == "root")
            #expect(
                try await sandbox.code("filesystem.Filesystem/Stat", ["path": "/"], headers: [("authorization", "Bearer x")])
                    == "unauthenticated")
        }
    }
}

@Suite("Watchers that nobody asks") struct WatcherTests {
    /// A watch of a directory in a scripted sandbox.
    private func watch(_ provider: ScriptedProvider, _ gateway: TestGateway, _ sandbox: OpenSandbox) async throws -> DirectoryWatch {
        let files = try await gateway.engine.files(of: sandbox.id, for: .local)
        return DirectoryWatch(
            path: "/", changes: try await files.watch("/", recursively: true), files: files, metadata: FileMetadata(of: sandbox),
            includesEntries: false)
    }

    private func place() async throws -> (provider: ScriptedProvider, gateway: TestGateway, sandbox: OpenSandbox) {
        let provider = ScriptedProvider()
        let gateway = try await TestGateway([provider])
        let info = try await gateway.engine.createSandbox(SandboxRequest(), by: .local).sandbox
        return (provider, gateway, OpenSandbox(id: info.id, principal: .local, info: info, note: E2BNote(), name: "x"))
    }

    @Test func `they are forgotten after a while`() async throws {
        let (provider, gateway, sandbox) = try await place()
        let watchers = Watchers(.init(idleTime: .milliseconds(50)))
        let id = try watchers.add(try await watch(provider, gateway, sandbox), in: sandbox.id)
        #expect(await eventually { watchers.count == 0 })
        #expect(throws: ConnectError.self) { try watchers.drain(id, in: sandbox.id) }
        await gateway.stop()
    }

    @Test func `a sandbox has no more than it may`() async throws {
        let (provider, gateway, sandbox) = try await place()
        let watchers = Watchers(.init(watches: 2))
        for _ in 0..<2 { _ = try watchers.add(try await watch(provider, gateway, sandbox), in: sandbox.id) }
        let third = try await watch(provider, gateway, sandbox)
        let error = #expect(throws: ConnectError.self) { try watchers.add(third, in: sandbox.id) }
        #expect(error?.code == .resourceExhausted)
        await gateway.stop()
    }

    @Test func `events are kept up to a number, and that some are lost is told`() async throws {
        let (provider, gateway, sandbox) = try await place()
        let watchers = Watchers(.init(events: 3))
        let id = try watchers.add(try await watch(provider, gateway, sandbox), in: sandbox.id)
        let files = try await gateway.engine.files(of: sandbox.id, for: .local)
        for number in 0..<10 { try await files.write("/f\(number)", ByteBuffer(string: "x"), mode: 0o644) }
        #expect(await eventually { (try? watchers.pendingEvents(id, in: sandbox.id)) == 3 })
        #expect(try watchers.drain(id, in: sandbox.id).count == 3)
        #expect(await eventually { (try? watchers.drain(id, in: sandbox.id)) == nil })
        #expect(watchers.count == 0)
        await gateway.stop()
    }
}
