import NIOCore
import SandstormCore
import SandstormTestSupport
import SandstormWire
import Testing

@testable import E2BProvider

@Suite("Files at E2B") struct FileFaultTests {
    private static let found = "f\u{0}644\u{0}10\u{0}1700000000.5\u{0}user\u{0}user\u{0}/workspace/file\u{0}\u{0}"

    /// Answers the lines that describe a file of ten bytes.
    private static func describing(_ request: FaultRequest) -> [FaultStep] {
        guard request.path == "/process.Process/Start", request.lines.contains(where: { $0.contains("-printf") }) else {
            return Vendor.usual(request)
        }
        return FaultStep.stream([Frames.start(), Frames.stdout(found), Frames.exit(0), Frames.end])
    }

    @Test("are read by their range, also from a server that knows none", arguments: [true, false])
    func ranges(known: Bool) async throws {
        try await FaultServer.run { request in
            guard request.path.hasPrefix("/files") else { return Self.describing(request) }
            #expect(request.headers["accept-encoding"] == "identity")
            #expect(request.headers["range"] == "bytes=3-5")
            return known ? FaultStep.answer(206, "345", type: "x/y") : FaultStep.answer(200, "0123456789", type: "x/y")
        } _: { server in
            let file = try await E2BFiles(link: try Vendor.link(server), user: nil).open("file", range: 3..<6)
            #expect(file.info.size == 10 && file.info.mode == 0o644 && file.info.owner == "user")
            #expect(String(buffer: try await file.bytes.collect(upTo: 100)) == "345")
        }
    }

    @Test(
        "that are cut on their way are not taken for whole",
        arguments: [
            [FaultStep.text("HTTP/1.1 200 x\r\ncontent-length: 10\r\n\r\n01234"), .close],
            [.text("HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\n5\r\n01234\r\n"), .close],
        ])
    func cutDownload(steps: [FaultStep]) async throws {
        try await FaultServer.run {
            $0.path.hasPrefix("/files") ? steps : Self.describing($0)
        } _: { server in
            let error = await failure { try await E2BFiles(link: try Vendor.link(server), user: nil).read("file", upTo: 100) }
            #expect(error?.code == .unavailable)
        }
    }

    @Test("are written beside their place and then put there, with their mode")
    func write() async throws {
        try await FaultServer.run {
            $0.path.hasPrefix("/files") ? FaultStep.answer(200, "[]", type: "text/plain") : Vendor.usual($0)
        } _: { server in
            try await E2BFiles(link: try Vendor.link(server), user: "root").write("a b/file", ByteBuffer(string: "content"), mode: 0o640)
            let upload = try #require(server.requests("POST", "/files").first)
            #expect(upload.path.contains("path=%2Fworkspace%2Fa%20b%2F.sandstorm-") && upload.path.hasSuffix("&username=root"))
            #expect(upload.headers["content-type"] == "application/octet-stream" && upload.headers["content-length"] == "7")
            #expect(String(buffer: upload.body) == "content")
            let lines = try #require(server.requests("POST", "/process.Process/Start").last?.lines)
            #expect(lines[1] == FileLines.place && lines[4] == "/workspace/a b/file" && lines[5] == "640")
        }
    }

    @Test("go as a form to an agent too old for anything else")
    func oldAgent() async throws {
        try await FaultServer.run {
            $0.path.hasPrefix("/files") ? FaultStep.answer(200, "[]") : Vendor.usual($0)
        } _: { server in
            let link = try Vendor.link(server) { $0.lacks = [.octetStream] }
            try await E2BFiles(link: link, user: nil).write("gr\u{FC}n \"x\"", ByteBuffer(string: "content"), mode: 0o644)
            let upload = try #require(server.requests("POST", "/files").first)
            let type = try #require(upload.headers["content-type"])
            #expect(type.hasPrefix("multipart/form-data; boundary="))
            #expect(upload.headers["content-length"] == "\(upload.body.readableBytes)")
            #expect(
                String(buffer: upload.body).contains("\r\n\r\ncontent\r\n--\(type.dropFirst("multipart/form-data; boundary=".count))--\r\n")
            )
        }
    }

    static let refusals: [(Int, String, ProviderError.FileProblem)] = [
        (507, #"{"code":507,"message":"x"}"#, .noSpace), (500, #"{"code":500,"message":"write: no space left on device"}"#, .noSpace),
        (400, #"{"code":400,"message":"mkdir /a/b: not a directory"}"#, .notDirectory),
        (400, #"{"code":400,"message":"path is a directory"}"#, .isDirectory),
        (403, #"{"code":403,"message":"open /x: permission denied"}"#, .notPermitted), (404, "", .notFound),
    ]

    @Test("that can't be written say why, and leave nothing", arguments: refusals)
    func refusedUpload(_ row: (Int, String, ProviderError.FileProblem)) async throws {
        try await FaultServer.run {
            $0.path.hasPrefix("/files") ? FaultStep.answer(row.0, row.1) : Vendor.usual($0)
        } _: { server in
            let error = await failure {
                try await E2BFiles(link: try Vendor.link(server), user: nil).write("file", ByteBuffer(string: "x"), mode: 0o644)
            }
            #expect(error?.code == .invalid && error?.fileProblem == row.2)
            #expect(
                await eventually {
                    server.requests("POST", "/process.Process/Start").contains { $0.lines.contains { $0.hasPrefix("rm -f") } }
                })
        }
    }

    @Test("whose source fails, or whose server answers before it has all, end at once", arguments: [true, false])
    func upload(early: Bool) async throws {
        try await FaultServer.run { request in
            request.path.hasPrefix("/files") ? FaultStep.answer(507, #"{"code":507,"message":"full"}"#) + [.close] : Vendor.usual(request)
        } _: { server in
            let turns = Locked(0)
            let source = ByteStream { () async throws(ProviderError) in
                let turn = turns.withLock { turns in
                    turns += 1
                    return turns
                }
                if !early, turn > 20 { throw ProviderError(.interrupted, "the writer has gone") }
                return ByteBuffer(repeating: 0x78, count: 65_536)
            }
            let files = E2BFiles(link: try Vendor.link(server), user: nil)
            let error = await failure { try await files.write(early ? "early/file" : "file", from: source, mode: 0o644) }
            #expect(early ? error?.code != nil : error?.code == .interrupted)
            // Nobody reads the source any more: whoever gave it may go on with it.
            let after = turns.withLock(\.self)
            try await Task.sleep(for: .milliseconds(100))
            #expect(turns.withLock(\.self) == after)
        }
    }

    @Test(
        "paths that can't be are not asked for",
        arguments: ["a\0b", String(repeating: "n", count: 256), String(repeating: "d/", count: 3000)])
    func paths(path: String) async throws {
        try await FaultServer.run {
            Vendor.usual($0)
        } _: { server in
            let files = E2BFiles(link: try Vendor.link(server), user: nil)
            #expect(await failure { try await files.read(path, upTo: 1) }?.fileProblem == .badPath)
            #expect(await failure { try await files.write(path, ByteBuffer(), mode: 0o644) }?.fileProblem == .badPath)
            #expect(server.seen.withLock(\.isEmpty))
        }
    }

    @Test("a watch that broke begins anew, and says that something may be missing")
    func watch() async throws {
        let turns = Locked(0)
        func event(_ name: String, _ type: String) -> ByteBuffer {
            ConnectFrame(["filesystem": ["name": .string(name), "type": .string(type)]]).encoded
        }
        let begin = ConnectFrame(["start": [:]]).encoded
        let first = [begin, event("a/b", "EVENT_TYPE_CREATE"), event("c", "EVENT_TYPE_RENAME")]
        let second = [begin, ConnectFrame(["keepalive": [:]]).encoded, event("d", "EVENT_TYPE_CHMOD")]
        try await FaultServer.run { request in
            guard request.path == "/filesystem.Filesystem/WatchDir" else { return Vendor.usual(request) }
            let turn = turns.withLock { turns in
                turns += 1
                return turns
            }
            return FaultStep.stream(turn == 1 ? first : second)
        } _: { server in
            let changes = try await E2BFiles(link: try Vendor.link(server), user: nil).watch("dir", recursively: true)
            var iterator = changes.makeAsyncIterator()
            var seen: [FileChange] = []
            while seen.count < 4, let change = try await iterator.next(isolation: nil) { seen.append(change) }
            #expect(
                seen == [
                    FileChange(.created, path: "/workspace/dir/a/b"), FileChange(.renamed, path: "/workspace/dir/c"),
                    FileChange(.overflow, path: "/workspace/dir"), FileChange(.attributes, path: "/workspace/dir/d"),
                ])
        }
    }
}
