import AsyncHTTPClient
import NIOCore
import SandstormCore
import SandstormEngine
import SandstormTestSupport
import SandstormWire
import Testing

/// With real processes.
@Suite("Processes through envd", .enabled(if: LocalMachine.canRun, LocalMachine.why)) struct EnvdProcessTests {
    @Test func `a command's output and its end are told in frames of exactly this form`() async throws {
        try await TestE2B.local { server in
            let sandbox = try await server.sandbox()
            let stream = try await sandbox.stream(
                "process.Process/Start", ["process": ["cmd": "/bin/bash", "args": ["-l", "-c", "echo hello"]], "stdin": false])
            #expect(stream.status == 200)
            #expect(stream.contentType == "application/connect+json")
            let start = try await stream.message()
            #expect((start["event"]?["start"]?["pid"]?.intValue ?? 0) > 0)
            #expect(try await stream.message() == ["event": ["data": ["stdout": "aGVsbG8K"]]])
            #expect(try await stream.message() == ["event": ["end": ["exited": true, "status": "exit status 0"]]])
            let end = try #require(try await stream.next())
            #expect(end.isEnd && String(buffer: end.payload) == "{}")
            #expect(try await stream.next() == nil)
        }
    }

    @Test func `every way to end is told as the vendor does`() async throws {
        try await TestE2B.local { server in
            let sandbox = try await server.sandbox()
            let failed = try await sandbox.run("echo out; echo err >&2; exit 3")
            #expect(failed.stdout == "out\n" && failed.stderr == "err\n" && failed.error == nil)
            #expect(failed.end == ["exitCode": 3, "exited": true, "status": "exit status 3", "error": "exit status 3"])
            let killed = try await sandbox.run("kill -KILL $$")
            #expect(killed.end == ["exitCode": -1, "status": "signal: killed", "error": "signal: killed"])
            #expect(killed.error == nil)
            let missing = try await sandbox.stream("process.Process/Start", ["process": ["cmd": "/no/such/program"]]).outcome()
            #expect(missing.error?.code == .invalidArgument && missing.pid == 0)
            let nowhere = try await sandbox.stream("process.Process/Start", ["process": ["cmd": "/bin/true", "cwd": "/no/where"]]).outcome()
            #expect(nowhere.error?.code == .invalidArgument)
            let nobody = try await sandbox.run("true", headers: [("authorization", "Basic bm9zdWNoOg==")])
            #expect(nobody.error?.code == .unauthenticated)
        }
    }

    @Test func `a process has the home, the directory and the environment that the vendor's have`() async throws {
        try await TestE2B.local { server in
            let sandbox = try await server.sandbox { $0.attributes["e2b"] = ["environment": ["GLOBAL": "1", "BOTH": "1"]] }
            #expect(try await sandbox.run("pwd; echo $HOME").stdout == "/home/user\n/home/user\n")
            func run(_ process: JSONValue) async throws -> String {
                try await sandbox.stream("process.Process/Start", ["process": process, "stdin": false]).outcome().stdout
            }
            let script: JSONValue = ["-c", "echo $GLOBAL $BOTH $OWN; pwd"]
            #expect(
                try await run(["cmd": "/bin/sh", "args": script, "envs": ["OWN": "2", "BOTH": "2"], "cwd": "/tmp"]) == "1 2 2\n/tmp\n")
            _ = try await sandbox.run("mkdir -p ~/sub/deep")
            for directory in ["sub/deep", "~/sub/deep", "/home/user/sub/./x/../deep/"] {
                #expect(try await run(["cmd": "/bin/pwd", "cwd": .string(directory)]) == "/home/user/sub/deep\n")
            }
        }
    }

    @Test func `input reaches a process until it is closed`() async throws {
        try await TestE2B.local { server in
            let sandbox = try await server.sandbox()
            let stream = try await sandbox.stream("process.Process/Start", ["process": ["cmd": "/bin/cat"], "stdin": true, "tag": "cat"])
            let pid = try #require(try await stream.message()["event"]?["start"]?["pid"])
            for (selector, text) in [(JSONValue.object(["pid": pid]), "b25lCg=="), (["tag": "cat"], "dHdvCg==")] {
                let sent = try await sandbox.call("process.Process/SendInput", ["process": selector, "input": ["stdin": .string(text)]])
                #expect(sent.status == 200 && sent.text == "{}" && sent.headers["content-type"] == "application/json")
            }
            #expect(
                try await sandbox.code("process.Process/SendInput", ["process": ["pid": pid], "input": ["pty": ""]]) == "invalid_argument")
            #expect(try await sandbox.call("process.Process/CloseStdin", ["process": ["pid": pid]]).status == 200)
            let outcome = try await stream.outcome()
            #expect(outcome.stdout == "one\ntwo\n")
            #expect(outcome.end == ["exited": true, "status": "exit status 0"])
            for procedure in ["SendInput", "CloseStdin", "SendSignal"] {
                let message: JSONValue = ["process": ["pid": pid], "input": ["stdin": ""], "signal": "SIGNAL_SIGKILL"]
                let answer = try await sandbox.call("process.Process/\(procedure)", message)
                #expect(answer.status == 404, "\(procedure)")
                #expect(try answer.json["code"]?.stringValue == "not_found")
            }
        }
    }

    @Test func `without a wish for input there is none`() async throws {
        try await TestE2B.local { server in
            let sandbox = try await server.sandbox()
            #expect(try await sandbox.run("cat; echo end").stdout == "end\n")
        }
    }

    @Test func `streamed input is acted on as it comes`() async throws {
        try await TestE2B.local { server in
            let sandbox = try await server.sandbox()
            let stream = try await sandbox.stream("process.Process/Start", ["process": ["cmd": "/bin/cat"]])
            let pid = try #require(try await stream.message()["event"]?["start"]?["pid"])
            let (body, continuation) = AsyncStream<ByteBuffer>.makeStream()
            async let answer = server.send(
                "POST", "/process.Process/StreamInput", .stream(body, length: .unknown),
                headers: sandbox.fields + [("content-type", "application/connect+json")])
            continuation.yield(ConnectFrame(["start": ["process": ["pid": pid]]]).encoded)
            continuation.yield(ConnectFrame(["keepalive": [:]]).encoded)
            for text in ["YQ==", "Yg=="] {
                // In two pieces, and only after what came before has had its effect.
                var frame = ConnectFrame(["data": ["input": ["stdin": .string(text)]]]).encoded
                let beginning = frame.readSlice(length: 7)
                continuation.yield(try #require(beginning))
                continuation.yield(frame)
                #expect(try await stream.message() == ["event": ["data": ["stdout": .string(text)]]])
            }
            continuation.finish()
            let whole = try await answer
            #expect(whole.status == 200 && whole.headers["content-type"] == "application/connect+json")
            #expect(Array(whole.body.readableBytesView) == [0, 0, 0, 0, 2, 0x7B, 0x7D, 2, 0, 0, 0, 2, 0x7B, 0x7D])
            _ = try await sandbox.call("process.Process/CloseStdin", ["process": ["pid": pid]])
            #expect(try await stream.outcome().end?["exited"] == true)
        }
    }

    @Test func `a terminal has a size, which changes`() async throws {
        try await TestE2B.local { server in
            let sandbox = try await server.sandbox()
            let stream = try await sandbox.stream(
                "process.Process/Start",
                [
                    "process": ["cmd": "/bin/bash", "args": ["-i", "-l"], "envs": ["TERM": "xterm-256color"]],
                    "pty": ["size": ["cols": 80, "rows": 24]],
                ])
            let pid = try #require(try await stream.message()["event"]?["start"]?["pid"])
            func send(_ text: String) async throws {
                let bytes = ProtobufJSON.base64(Array(text.utf8))
                let sent = try await sandbox.call("process.Process/SendInput", ["process": ["pid": pid], "input": ["pty": bytes]])
                #expect(sent.status == 200)
            }
            func read(until text: String) async throws {
                var all = ""
                while !all.contains(text), let frame = try await stream.next() {
                    let data = try ProtobufJSON(try frame.message()).message("event")?.message("data")
                    all += String(decoding: try data?.bytes("pty") ?? [], as: UTF8.self)
                    #expect(data?.value("stdout") == nil)
                }
            }
            try await send("stty size\n")
            try await read(until: "24 80")
            let resized = try await sandbox.call(
                "process.Process/Update", ["process": ["pid": pid], "pty": ["size": ["cols": 132, "rows": 50]]])
            #expect(resized.status == 200)
            try await send("stty size\n")
            try await read(until: "50 132")
            #expect(try await sandbox.code("process.Process/CloseStdin", ["process": ["pid": pid]]) == "invalid_argument")
            #expect(
                try await sandbox.code("process.Process/SendInput", ["process": ["pid": pid], "input": ["stdin": ""]]) == "invalid_argument"
            )
            #expect(
                try await sandbox.call("process.Process/SendSignal", ["process": ["pid": pid], "signal": "SIGNAL_SIGKILL"]).status == 200)
            #expect(try await stream.outcome().end?["status"] == "signal: killed")
        }
    }

    @Test func `processes are listed while they run, with what they were started with`() async throws {
        try await TestE2B.local { server in
            let sandbox = try await server.sandbox()
            #expect(try await sandbox.call("process.Process/List", [:]).text == "{}")
            let stream = try await sandbox.stream(
                "process.Process/Start",
                ["process": ["cmd": "/bin/sleep", "args": ["1000"], "envs": ["A": "1"], "cwd": "/tmp"], "tag": "nap", "stdin": false])
            let pid = try #require(try await stream.message()["event"]?["start"]?["pid"])
            let listed = try await sandbox.call("process.Process/List", [:]).json
            #expect(
                listed == [
                    "processes": [
                        ["config": ["cmd": "/bin/sleep", "args": ["1000"], "envs": ["A": "1"], "cwd": "/tmp"], "pid": pid, "tag": "nap"]
                    ]
                ])
            #expect(
                try await sandbox.code("process.Process/SendSignal", ["process": ["pid": pid], "signal": "SIGNAL_UNSPECIFIED"])
                    == "unimplemented")
            #expect(try await sandbox.call("process.Process/SendSignal", ["process": ["tag": "nap"], "signal": 15]).status == 200)
            #expect(try await stream.outcome().end?["status"] == "signal: terminated")
            #expect(try await sandbox.call("process.Process/List", [:]).text == "{}")
            #expect(try await sandbox.code("process.Process/SendSignal", ["process": ["pid": 999_999], "signal": 9]) == "not_found")
        }
    }

    // MARK: Time and clients that leave

    @Test func `the deadline of a call kills its process`() async throws {
        try await TestE2B.local { server in
            let sandbox = try await server.sandbox()
            let outcome = try await sandbox.run("echo begun; sleep 1000", headers: [("connect-timeout-ms", "1500")])
            #expect(outcome.stdout == "begun\n")
            #expect(outcome.end == nil)
            #expect(outcome.error?.code == .deadlineExceeded)
            #expect(try await sandbox.call("process.Process/List", [:]).text == "{}")
            let wrong = try await sandbox.run("true", headers: [("connect-timeout-ms", "soon")])
            #expect(wrong.error?.code == .invalidArgument)
        }
    }

    @Test func `a process outlives its caller, and others can join it`() async throws {
        try await TestE2B.local { server in
            let sandbox = try await server.sandbox()
            var stream: FrameStream? = try await sandbox.stream(
                "process.Process/Start",
                ["process": ["cmd": "/bin/bash", "args": ["-c", "echo before; read line; echo after $line; exit 7"]]])
            let pid = try #require(try await stream?.message()["event"]?["start"]?["pid"])
            try await stream?.skip(to: "stdout")
            // The connection is closed with it.
            stream = nil
            let joined = try await sandbox.stream("process.Process/Connect", ["process": ["pid": pid]])
            #expect(try await joined.message() == ["event": ["start": ["pid": pid]]])
            _ = try await sandbox.call("process.Process/SendInput", ["process": ["pid": pid], "input": ["stdin": "eAo="]])
            let outcome = try await joined.outcome()
            // What came before is not told again.
            #expect(outcome.stdout == "after x\n")
            #expect(outcome.end?["exitCode"] == 7)
            // Shortly after its end it can still be heard of.
            let late = try await sandbox.stream("process.Process/Connect", ["process": ["pid": pid]]).outcome()
            #expect(late.stdout.isEmpty && late.end?["exitCode"] == 7 && late.error == nil)
            let none = try await sandbox.stream("process.Process/Connect", ["process": ["pid": 999_999]]).outcome()
            #expect(none.error?.code == .notFound)
        }
    }

    @Test func `the deadline of one who joined is no concern of the process`() async throws {
        try await TestE2B.local { server in
            let sandbox = try await server.sandbox()
            let stream = try await sandbox.stream("process.Process/Start", ["process": ["cmd": "/bin/cat"], "tag": "a"])
            _ = try await stream.message()
            let joined = try await sandbox.stream(
                "process.Process/Connect", ["process": ["tag": "a"]], headers: [("connect-timeout-ms", "300")]
            ).outcome()
            #expect(joined.pid > 0 && joined.error?.code == .deadlineExceeded)
            _ = try await sandbox.call("process.Process/CloseStdin", ["process": ["tag": "a"]])
            #expect(try await stream.outcome().end?["status"] == "exit status 0")
        }
    }

    @Test func `silence is broken by keepalives, never before the start`() async throws {
        try await TestE2B.local { server in
            let sandbox = try await server.sandbox()
            let stream = try await sandbox.stream(
                "process.Process/Start", ["process": ["cmd": "/bin/cat"], "tag": "quiet"], headers: [("keepalive-ping-interval", "1")])
            #expect(try await stream.message()["event"]?["start"] != nil)
            for _ in 0..<2 { #expect(try await stream.message() == ["event": ["keepalive": [:]]]) }
            _ = try await sandbox.call("process.Process/CloseStdin", ["process": ["tag": "quiet"]])
            #expect(try await stream.outcome().end != nil)
        }
    }

    @Test func `much output comes whole, however it is cut`() async throws {
        try await TestE2B.local { server in
            let sandbox = try await server.sandbox()
            let outcome = try await sandbox.run("for i in $(seq 20000); do echo \"line äö $i\"; done")
            #expect(outcome.stdout == (1...20_000).map { "line äö \($0)\n" }.joined())
        }
    }

    @Test func `a process whose sandbox ends is not told as ended by itself`() async throws {
        try await TestE2B.local { server in
            let sandbox = try await server.sandbox()
            let stream = try await sandbox.stream("process.Process/Start", ["process": ["cmd": "/bin/cat"]])
            _ = try await stream.message()
            _ = try await server.engine.kill(sandbox.id, for: .local)
            let outcome = try await stream.outcome()
            #expect(outcome.end == nil && outcome.error?.code == .unavailable)
            let after = try await sandbox.stream("process.Process/Start", ["process": ["cmd": "/bin/true"]])
            #expect(after.status == 502)
            #expect(try await after.body().contains("was not found"))
        }
    }
}
