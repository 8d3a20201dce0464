import AsyncHTTPClient
import Crypto
import Foundation
import NIOCore
import SandstormCore
import SandstormEngine
import SandstormTestSupport
import SandstormWire
import Testing

/// With real files.
@Suite("Contents of files through envd", .enabled(if: LocalMachine.canRun, LocalMachine.why)) struct EnvdFileTests {
    private static let octets = [("content-type", "application/octet-stream")]

    private func form(_ files: [(name: String, text: String)], boundary: String = "b0und") -> HTTPClientRequest.Body {
        let parts = files.map { file in
            "--\(boundary)\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\(file.name)\"\r\n"
                + "Content-Type: application/octet-stream\r\n\r\n\(file.text)\r\n"
        }
        return .bytes(ByteBuffer(string: parts.joined() + "--\(boundary)--\r\n"))
    }

    private static let formType = [("content-type", "multipart/form-data; boundary=b0und")]

    @Test func `one file, several in a form, and a raw body are written where they should be`() async throws {
        try await TestE2B.local { server in
            let sandbox = try await server.sandbox()
            let one = try await sandbox.send("POST", "/files?path=%2Ftmp%2Fa+b.txt", form([("/ignored", "one")]), headers: Self.formType)
            #expect(one.status == 200)
            #expect(try one.json == [["path": "/tmp/a b.txt", "name": "a b.txt", "type": "file"]])
            let two = try await sandbox.send(
                "POST", "/files", form([("/home/user/ä/ö.txt", "zwei"), ("rel/drei", "drei")]), headers: Self.formType)
            #expect(try two.json.arrayValue?.compactMap { $0["path"]?.stringValue } == ["/home/user/ä/ö.txt", "/home/user/rel/drei"])
            let raw = try await sandbox.send("POST", "/files?path=~/raw", .bytes(ByteBuffer(string: "raw")), headers: Self.octets)
            #expect(try raw.json.arrayValue?.first?["path"] == "/home/user/raw")
            let read = try await sandbox.run("cat '/tmp/a b.txt' ~/ä/ö.txt ~/rel/drei ~/raw")
            #expect(read.stdout == "onezweidreiraw")
            for (path, text) in [("/tmp/a b.txt", "one"), ("rel/drei", "drei")] {
                let encoded = path.replacing("/", with: "%2F").replacing(" ", with: "+")
                #expect(try await sandbox.send("GET", "/files?path=\(encoded)&unknown=1").text == text)
            }
        }
    }

    @Test func `a file that is written again keeps its mode`() async throws {
        try await TestE2B.local { server in
            let sandbox = try await server.sandbox()
            _ = try await sandbox.run("echo '#!/bin/sh' > ~/run; chmod 755 ~/run")
            _ = try await sandbox.send("POST", "/files?path=run", .bytes(ByteBuffer(string: "#!/bin/sh\necho ran\n")), headers: Self.octets)
            #expect(try await sandbox.run("~/run; stat -c %a ~/run").stdout == "ran\n755\n")
        }
    }

    @Test func `what is written to a link goes where it leads`() async throws {
        try await TestE2B.local { server in
            let sandbox = try await server.sandbox()
            _ = try await sandbox.run(
                "mkdir -p ~/t; echo old > ~/t/file; ln -s t/file ~/one; ln -s /home/user/one ~/two; ln -s loop ~/loop; ln -s t/new ~/three")
            for (path, text) in [("two", "new"), ("three", "fresh")] {
                let body = HTTPClientRequest.Body.bytes(ByteBuffer(string: text))
                let written = try await sandbox.send("POST", "/files?path=\(path)", body, headers: Self.octets)
                #expect(try written.json.arrayValue?.first?["path"] == .string("/home/user/\(path)"))
            }
            #expect(try await sandbox.run("cat ~/t/file ~/t/new; readlink ~/one ~/two").stdout == "newfresht/file\n/home/user/one\n")
            let loop = try await sandbox.send("POST", "/files?path=loop", .bytes(ByteBuffer(string: "x")), headers: Self.octets)
            #expect(loop.status == 400)
        }
    }

    @Test func `what can't be written or read is refused in JSON`() async throws {
        try await TestE2B.local { server in
            let sandbox = try await server.sandbox()
            let body = HTTPClientRequest.Body.bytes(ByteBuffer(string: "x"))
            for (method, path, status) in [
                ("GET", "/files?path=/none", 404), ("GET", "/files?path=/tmp", 400), ("GET", "/files", 400),
                ("GET", "/files?path=%FF", 400),
                ("GET", "/files?path=~no/x", 400), ("GET", "/files?path=/dev/null", 400), ("POST", "/files?path=/dev/null", 400),
                ("POST", "/files?path=/tmp", 400),
                ("POST", "/files", 400), ("POST", "/files?path=/etc/x", 403), ("GET", "/files?path=/tmp&username=nosuch", 401),
                ("DELETE", "/files", 405), ("POST", "/init", 404), ("POST", "/freeze", 404), ("GET", "/", 404),
            ] {
                let answer = try await sandbox.send(
                    method, path, method == "POST" ? body : nil, headers: method == "POST" ? Self.octets : [])
                #expect(answer.status == status, "\(method) \(path): \(answer.text)")
                #expect(try answer.json["code"]?.intValue == answer.status)
                #expect(answer.message?.isEmpty == false)
            }
            for (contentType, text) in [
                ("multipart/form-data", "x"), ("multipart/form-data; boundary=b", "--b\r\n\r\nx"),
                ("multipart/form-data; boundary=b", "--b\r\nx\r\n"),
                ("multipart/form-data; boundary=b", "--b\r\n\r\nno name\r\n--b--"),
            ] {
                let answer = try await sandbox.send(
                    "POST", "/files", .bytes(ByteBuffer(string: text)), headers: [("content-type", contentType)])
                #expect(answer.status == 400, "\(text): \(answer.text)")
                #expect(try answer.json["code"] == 400)
            }
            let odd = try await sandbox.send("POST", "/files?path=/tmp/x", body, headers: Self.octets + [("content-encoding", "br")])
            #expect(odd.status == 400)
            let none = try await sandbox.send("GET", "/files?path=/etc/passwd", headers: [("accept-encoding", "br, identity;q=0")])
            #expect(none.status == 406)
        }
    }

    @Test func `bytes of any size pass as they come, compressed if both want it`() async throws {
        try await TestE2B.local { server in
            let sandbox = try await server.sandbox()
            let piece = ByteBuffer(string: String(repeating: "0123456789abcde\n", count: 4096))
            let pieces = Array(repeating: piece, count: 128)
            let length = pieces.count * piece.readableBytes
            let up = try await sandbox.send("POST", "/files?path=big", .stream(pieces.async, length: .unknown), headers: Self.octets)
            #expect(up.status == 200, "\(up.text)")
            #expect(try await sandbox.run("stat -c %s ~/big").stdout == "\(length)\n")
            let plain = try await sandbox.send("GET", "/files?path=big", headers: [("accept-encoding", "identity")])
            #expect(plain.headers["content-length"] == "\(length)" && plain.headers["content-encoding"] == nil)
            #expect(plain.body.readableBytes == length)
            // What clients' libraries offer of themselves.
            let offered = try await sandbox.send("GET", "/files?path=big", headers: [("accept-encoding", "gzip, deflate")])
            #expect(offered.headers["content-length"] == "\(length)" && offered.headers["content-encoding"] == nil)
            let packed = try await sandbox.send("GET", "/files?path=big", headers: [("accept-encoding", "gzip")])
            #expect(packed.headers["content-encoding"] == "gzip")
            #expect(packed.body.readableBytes < length / 10)
            #expect(try await ByteStream(packed.body).decompressed.collect(upTo: length) == plain.body)
            let back = try await sandbox.send(
                "POST", "/files?path=copy", .bytes(packed.body), headers: Self.octets + [("content-encoding", "gzip")])
            #expect(back.status == 200)
            #expect(try await sandbox.run("cmp ~/big ~/copy && echo same").stdout == "same\n")
            let broken = try await sandbox.send(
                "POST", "/files?path=broken", .bytes(ByteBuffer(string: "not gzip")), headers: Self.octets + [("content-encoding", "gzip")])
            #expect(broken.status == 400)
            #expect(try await sandbox.run("test -e ~/broken || echo none").stdout == "none\n")
        }
    }

    @Test func `parts of files, and files that the client has`() async throws {
        try await TestE2B.local { server in
            let sandbox = try await server.sandbox()
            _ = try await sandbox.run("printf 0123456789 > ~/f")
            let part = try await sandbox.send("GET", "/files?path=f", headers: [("range", "bytes=2-4")])
            #expect(part.status == 206 && part.text == "234" && part.headers["content-range"] == "bytes 2-4/10")
            let beyond = try await sandbox.send("GET", "/files?path=f", headers: [("range", "bytes=20-")])
            #expect(beyond.status == 416)
            let whole = try await sandbox.send("GET", "/files?path=f")
            let tag = try #require(whole.headers["etag"])
            #expect(try await sandbox.send("GET", "/files?path=f", headers: [("if-none-match", tag)]).status == 304)
            let head = try await sandbox.send("HEAD", "/files?path=f")
            #expect(head.status == 200 && head.headers["content-length"] == "10" && head.body.readableBytes == 0)
        }
    }

    @Test func `a full disk is told as such`() async throws {
        let provider = ScriptedProvider()
        try await TestE2B([provider]).serve { server in
            let sandbox = try await server.sandbox()
            // The second thing that is done with a file is the write.
            provider.behave { behaviour in
                let absent = ProviderError(.invalid, "there is no such file", fileProblem: .notFound)
                behaviour.failures[.files] = [absent, ProviderError(.invalid, "the disk is full", fileProblem: .noSpace)]
            }
            let answer = try await sandbox.send("POST", "/files?path=f", .bytes(ByteBuffer(string: "x")), headers: Self.octets)
            #expect(answer.status == 507, "\(answer.text)")
            #expect(try answer.json["code"] == 507)
        }
    }

    @Test func `metadata goes with a file until it is written or removed`() async throws {
        try await TestE2B.local { server in
            let sandbox = try await server.sandbox()
            let body = HTTPClientRequest.Body.bytes(ByteBuffer(string: "x"))
            let up = try await sandbox.send(
                "POST", "/files?path=d/f", body, headers: Self.octets + [("X-Metadata-Kind", "a b"), ("x-metadata-n", "1")])
            #expect(try up.json.arrayValue?.first?["metadata"] == ["kind": "a b", "n": "1"])
            func metadata(_ path: String) async throws -> JSONValue? {
                try await sandbox.call("filesystem.Filesystem/Stat", ["path": .string(path)]).json["entry"]?["metadata"]
            }
            #expect(try await metadata("d/f") == ["kind": "a b", "n": "1"])
            let moved = try await sandbox.call("filesystem.Filesystem/Move", ["source": "d", "destination": "e"])
            #expect(moved.status == 200)
            #expect(try await metadata("e/f") == ["kind": "a b", "n": "1"])
            let listed = try await sandbox.call("filesystem.Filesystem/ListDir", ["path": "e"]).json["entries"]?.arrayValue
            #expect(listed?.first?["metadata"] == ["kind": "a b", "n": "1"])
            _ = try await sandbox.send("POST", "/files?path=e/f", body, headers: Self.octets + [("x-metadata-other", "2")])
            #expect(try await metadata("e/f") == ["other": "2"])
            _ = try await sandbox.call("filesystem.Filesystem/Remove", ["path": "e"])
            _ = try await sandbox.send("POST", "/files?path=e/f", body, headers: Self.octets)
            #expect(try await metadata("e/f") == nil)
            #expect(try await server.engine.sandbox(sandbox.id, for: .local).attributes.members.isEmpty)
            let large = String(repeating: "x", count: 15_000)
            var statuses: Set<Int> = []
            for number in 0..<20 {
                statuses.insert(
                    try await sandbox.send("POST", "/files?path=m\(number)", body, headers: Self.octets + [("x-metadata-l", large)]).status)
            }
            #expect(statuses == [200, 400])
        }
    }

    @Test func `files are joined`() async throws {
        try await TestE2B.local { server in
            let sandbox = try await server.sandbox()
            _ = try await sandbox.run("printf 1 > ~/p1; printf 2 > ~/p2; printf 3 > ~/p3")
            func compose(_ json: JSONValue) async throws -> Answer {
                try await sandbox.send(
                    "POST", "/files/compose", .bytes(ByteBuffer(bytes: json.encodedBytes)), headers: [("content-type", "application/json")])
            }
            let made = try await compose(["source_paths": ["p1", "/home/user/p2", "p3"], "destination": "new/whole"])
            #expect(made.status == 200, "\(made.text)")
            #expect(try made.json["path"] == "/home/user/new/whole")
            #expect(try await sandbox.run("cat ~/new/whole; ls ~/p* 2>/dev/null").stdout == "123")
            #expect(try await compose(["source_paths": ["none"], "destination": "x"]).status == 404)
            #expect(try await compose(["source_paths": [], "destination": "x"]).status == 400)
            #expect(try await compose(["source_paths": ["new"], "destination": "x"]).status == 400)
            #expect(try await compose(["source_paths": ["new/whole"]]).status == 400)
        }
    }

    @Test func `what a sandbox uses and what its processes are given is told`() async throws {
        try await TestE2B.local { server in
            let sandbox = try await server.sandbox {
                $0.attributes["e2b"] = ["environment": ["A": "1"]]
                $0.spec.environment = ["A": "0", "B": "2"]
            }
            let metrics = try await sandbox.send("GET", "/metrics").json
            for key in [
                "ts", "cpu_count", "cpu_used_pct", "mem_total", "mem_used", "mem_cache", "mem_total_mib", "mem_used_mib", "disk_used",
                "disk_total",
            ] {
                #expect(metrics[key]?.doubleValue != nil, "\(key)")
            }
            #expect(metrics["cpu_count"] == 1)
            #expect((metrics["mem_total"]?.intValue ?? 0) > 0)
            #expect(try await sandbox.send("GET", "/envs").json == ["A": "1", "B": "2"])
        }
    }

    // MARK: Who may

    @Test func `only the sandbox's own token opens it, but to look whether it lives`() async throws {
        try await TestE2B.local { server in
            let (sandbox, other) = (try await server.sandbox(), try await server.sandbox())
            func send(_ token: String?, _ method: String, _ path: String) async throws -> Answer {
                let type = path.hasSuffix("Start") ? "application/connect+json" : "application/json"
                return try await server.send(
                    method, path, method == "POST" ? .bytes(ByteBuffer(string: "{}")) : nil,
                    headers: sandbox.place + (token.map { [("x-access-token", $0)] } ?? []) + [("content-type", type)])
            }
            #expect(try await send(nil, "GET", "/health").status == 204)
            for token in [nil, "", "x", other.token, String(sandbox.token.dropLast()), sandbox.token.uppercased()] {
                for (method, path) in [
                    ("POST", "/process.Process/List"), ("POST", "/process.Process/Start"), ("GET", "/files?path=/etc/passwd"),
                    ("GET", "/metrics"),
                    ("GET", "/envs"), ("POST", "/files?path=/tmp/x"), ("POST", "/files/compose"),
                ] {
                    let answer = try await send(token, method, path)
                    #expect(answer.status == 401, "\(path) with \(token ?? "none")")
                    #expect(try answer.json["code"] == 401)
                }
            }
            #expect(try await send(sandbox.token, "POST", "/process.Process/List").status == 200)
        }
    }

    @Test func `a signed URL opens one file for one purpose until it expires`() async throws {
        try await TestE2B.local { server in
            let sandbox = try await server.sandbox()
            func signature(_ path: String, _ operation: String, _ user: String = "", _ expiration: Int? = nil) -> String {
                let text = "\(path):\(operation):\(user):\(sandbox.token)" + (expiration.map { ":\($0)" } ?? "")
                let digest = Data(SHA256.hash(data: Data(text.utf8))).base64EncodedString().replacing("=", with: "")
                let encoded = "v1_\(digest)".replacing("+", with: "%2B").replacing("/", with: "%2F")
                return "signature=\(encoded)" + (expiration.map { "&signature_expiration=\($0)" } ?? "")
            }
            func send(_ method: String, _ query: String) async throws -> Int {
                try await server.send(
                    method, "/files?\(query)", method == "POST" ? .bytes(ByteBuffer(string: "x")) : nil,
                    headers: sandbox.place + Self.octets
                ).status
            }
            let soon = Int(Date().timeIntervalSince1970) + 600
            #expect(try await send("POST", "path=/tmp/s&\(signature("/tmp/s", "write"))") == 200)
            #expect(try await send("GET", "path=/tmp/s&\(signature("/tmp/s", "read"))") == 200)
            #expect(try await send("GET", "path=/tmp/s&\(signature("/tmp/s", "read", "", soon))") == 200)
            #expect(try await send("GET", "path=/tmp/s&username=user&\(signature("/tmp/s", "read", "user", soon))") == 200)
            for query in [
                "path=/tmp/s&\(signature("/tmp/s", "write"))", "path=/tmp/other&\(signature("/tmp/s", "read"))",
                "path=/tmp/s&username=user&\(signature("/tmp/s", "read"))", "path=/tmp/s&\(signature("/tmp/s", "read", "", soon - 1200))",
                "path=/tmp/s&\(signature("/tmp/s", "read"))&signature_expiration=\(soon)", "path=/tmp/s&signature=v1_x",
                "path=/tmp/s&signature=",
            ] {
                #expect(try await send("GET", query) == 401, "\(query)")
            }
            #expect(try await server.send("GET", "/metrics?\(signature("", "read"))", headers: sandbox.place).status == 401)
        }
    }

    // MARK: Sandboxes that are not there

    @Test func `a sandbox that is gone, or never was, is told so in the words that SDKs look for`() async throws {
        try await TestE2B.local { server in
            let sandbox = try await server.sandbox()
            _ = try await server.engine.kill(sandbox.id, for: .local)
            var stranger = sandbox.place
            for name in [sandbox.name, "sbx0000", "i7k2", "ünknown"] {
                stranger[0].1 = name
                for (method, path) in [("GET", "/health"), ("GET", "/files?path=/x"), ("POST", "/process.Process/Start")] {
                    let answer = try await server.send(
                        method, path, method == "POST" ? .bytes(ByteBuffer(string: "")) : nil,
                        headers: stranger + [("x-access-token", sandbox.token), ("content-type", "application/connect+json")])
                    #expect(answer.status == 502, "\(name) \(path)")
                    #expect(try answer.json["code"] == 502)
                    #expect(answer.message?.contains("was not found") == true)
                }
            }
        }
    }

    @Test func `a paused sandbox is not there, unless it wakes for requests`() async throws {
        try await TestE2B.local { server in
            for wakes in [false, true] {
                let sandbox = try await server.sandbox { $0.attributes["e2b"] = ["autoResume": .bool(wakes)] }
                _ = try await sandbox.run("echo kept > ~/file")
                _ = try await server.engine.suspend(sandbox.id, for: .local)
                let answer = try await sandbox.send("GET", "/files?path=file")
                #expect(answer.status == (wakes ? 200 : 502))
                #expect(wakes ? answer.text == "kept\n" : answer.message?.contains("was not found") == true)
            }
        }
    }
}
