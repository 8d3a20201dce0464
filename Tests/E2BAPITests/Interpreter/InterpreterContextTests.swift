import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import SandstormCore
import SandstormEngine
import SandstormTestSupport
import Testing

/// With ipykernel in real sandboxes.
@Suite("Contexts of the interpreter", .enabled(if: KernelMachine.canRun, KernelMachine.why)) struct InterpreterContextTests {
    @Test func `contexts are made, listed, restarted and removed`() async throws {
        try await TestInterpreter.run { interpreter in
            let before = try #require(try await interpreter.send("GET", "/contexts").json.arrayValue)
            #expect(before.compactMap { $0["language"]?.stringValue } == ["python", "javascript"])
            let made = try await interpreter.send("POST", "/contexts", ["cwd": "/tmp"])
            #expect(made.status == 200, "\(made.text)")
            let id = try #require(try made.json["id"]?.stringValue)
            #expect(try made.json == ["id": .string(id), "language": "python", "cwd": "/tmp"])
            #expect(try await interpreter.send("GET", "/contexts").json.arrayValue?.count == 3)

            #expect(try await interpreter.execute("import os; os.getcwd()", context: id).text == "/tmp")
            _ = try await interpreter.execute("x = 1", context: id)
            #expect(try await interpreter.execute("x").error?["name"] == "NameError")
            let restarted = try await interpreter.send("POST", "/contexts/\(id)/restart")
            #expect(restarted.status == 200 && restarted.text == "null")
            let after = try await interpreter.execute("x", context: id)
            #expect(after.error?["name"] == "NameError" && after.count == 1)

            let removed = try await interpreter.send("DELETE", "/contexts/\(id)")
            #expect(removed.status == 200 && removed.text == "null")
            #expect(try await interpreter.execute("1", context: id).status == 404)
            #expect(try await interpreter.send("DELETE", "/contexts/\(id)").status == 404)
            #expect(try await interpreter.send("POST", "/contexts/\(id)/restart").status == 404)
            #expect(try await interpreter.send("GET", "/contexts").json.arrayValue?.count == 2)
        }
    }

    @Test func `a removed context leaves no process, a restarted one ends what runs`() async throws {
        try await TestInterpreter.run { interpreter in
            let id = try await interpreter.context()
            // In a group of its own, and in the kernel's.
            let background = "import subprocess\nfor g in (0, None): subprocess.Popen(['sleep', '98765'], process_group=g)"
            #expect(try await interpreter.execute(background, context: id).error == nil)
            #expect(try await interpreter.count("sleep 98765") == 0)
            #expect(try await interpreter.count("98765") == 2)

            async let running = interpreter.execute("print('on', flush=True)\nimport time; time.sleep(600)", context: id)
            #expect(try await eventually { try await interpreter.count("python_kernel.py") > 1 })
            // Whether it has begun by then makes no difference to what is told.
            try await Task.sleep(for: .milliseconds(300))
            #expect(try await interpreter.send("POST", "/contexts/\(id)/restart").status == 200)
            let ended = try await running
            #expect(ended.error?["name"] == "UnexpectedEndOfExecution" && ended.types.last == "end_of_execution", "\(ended.body)")
            #expect(try await interpreter.count("98765") == 0)
            #expect(try await interpreter.execute("1 + 1", context: id).text == "2")

            let kernels = try await interpreter.count("python_kernel.py")
            #expect(try await interpreter.send("DELETE", "/contexts/\(id)").status == 200)
            #expect(try await interpreter.count("python_kernel.py") == kernels - 1)
        }
    }

    @Test func `a context runs one thing at a time, contexts run beside each other`() async throws {
        try await TestInterpreter.run { interpreter in
            let code = "import time; began = time.time(); time.sleep(0.5); print(began, time.time())"
            let times = try await withThrowingTaskGroup(of: [Double].self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        try await interpreter.execute(code).stdout.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            try #require(times.allSatisfy { $0.count == 2 }, "\(times)")
            let ordered = times.sorted { $0[0] < $1[0] }
            for (one, next) in zip(ordered, ordered.dropFirst()) { #expect(one[1] <= next[0]) }

            let ids = [try await interpreter.context(), try await interpreter.context()]
            // Each waits for what the other writes.
            let meet = "import os, time\nopen('/tmp/{own}', 'w').close()\nwhile not os.path.exists('/tmp/{other}'): time.sleep(0.01)\n'met'"
            let texts = try await withThrowingTaskGroup(of: String?.self) { group in
                for (id, own, other) in [(ids[0], "a", "b"), (ids[1], "b", "a")] {
                    let code = meet.replacing("{own}", with: own).replacing("{other}", with: other)
                    group.addTask { try await interpreter.execute(code, context: id).text }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(texts == ["met", "met"])
        }
    }

    @Test func `wrong requests are refused, and harm nobody`() async throws {
        try await TestInterpreter.run { interpreter in
            let id = try await interpreter.context()
            #expect(try await interpreter.execute("1", language: "python", context: id).status == 400)
            #expect(try await interpreter.execute("1", context: "none").status == 404)
            let unknown = try await interpreter.execute("1", language: "klingon")
            #expect(unknown.status == 500 && unknown.body.contains("klingon"))
            #expect(try await interpreter.send("POST", "/contexts", ["language": "klingon"]).status == 500)
            let nowhere = try await interpreter.send("POST", "/contexts", ["cwd": "/no/where"])
            #expect(nowhere.status == 500 && nowhere.text.contains("/no/where"))
            #expect(try await interpreter.send("POST", "/contexts", ["language": 7]).status == 422)
            #expect(try await interpreter.send("GET", "/nothing").status == 404)
            #expect(try await interpreter.send("PUT", "/contexts").status == 405)
            let token: [(String, String)] = [("x-access-token", interpreter.sandbox.token)]
            for body in ["", "{", "[]", "{\"code\":1}", "\u{0}", String(repeating: "[", count: 200_000)] {
                let answer = try await interpreter.sandbox.server.send(
                    "POST", "/execute", .bytes(ByteBuffer(string: body)), headers: interpreter.place + token)
                #expect(answer.status == 422, "\(body.prefix(20)): \(answer.status)")
            }
            #expect(try await interpreter.send("GET", "/contexts").json.arrayValue?.count == 3)
            #expect(try await interpreter.execute("1 + 1", context: id).text == "2")
        }
    }

    @Test func `code takes the sandbox's token, and a sandbox`() async throws {
        try await TestE2B.local { server in
            let mine = TestInterpreter(sandbox: try await server.sandbox())
            let other = TestInterpreter(sandbox: try await server.sandbox())
            for token in ["", "wrong", other.sandbox.token] {
                #expect(try await mine.open("1", token: token).status == .unauthorized)
            }
            #expect(try await mine.execute("1").text == "1")
            _ = try await server.engine.kill(mine.sandbox.id, for: .local)
            let gone = try await mine.open("1")
            #expect(gone.status == .badGateway)
            #expect(String(buffer: try await gone.body.collect(upTo: 10_000)).contains("was not found"))
        }
    }

    @Test func `an interpreter that was killed is started again, and is not among the users' processes`() async throws {
        try await TestInterpreter.run { interpreter in
            #expect(try await interpreter.execute("x = 1").status == 200)
            #expect(try await interpreter.sandbox.call("process.Process/List", [:]).json["processes"]?.arrayValue?.isEmpty ?? true)
            _ = try await interpreter.sandbox.run(
                "for p in /proc/[0-9]*; do grep -qa '[r]unpy.run_path' $p/cmdline && kill -9 ${p#/proc/}; done; true")
            #expect(try await eventually { try await interpreter.count("python_kernel.py") == 0 })
            #expect(try await eventually { try await interpreter.execute("1 + 1").text == "2" })
            #expect(try await interpreter.execute("x").error?["name"] == "NameError")
        }
    }

    @Test func `a paused sandbox goes on where it was`() async throws {
        try await TestInterpreter.run { interpreter in
            let engine = interpreter.sandbox.server.engine
            _ = try await interpreter.execute("x = 'kept'")
            guard (try? await engine.pause(interpreter.sandbox.id, for: .local)) != nil else { return }
            #expect(try await interpreter.open("x").status == .badGateway)
            _ = try await engine.resume(interpreter.sandbox.id, for: .local)
            #expect(try await interpreter.execute("x").text == "kept")
        }
    }

    @Test func `many contexts at once`() async throws {
        try await TestInterpreter.run { interpreter in
            let texts = try await withThrowingTaskGroup(of: String?.self) { group in
                for number in 0..<6 {
                    group.addTask {
                        let id = try await interpreter.context()
                        return try await interpreter.execute("\(number) * 2", context: id).text
                    }
                }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            #expect(texts == Set((0..<6).map { "\($0 * 2)" }))
        }
    }
}
