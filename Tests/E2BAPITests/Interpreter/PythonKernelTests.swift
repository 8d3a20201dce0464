import AsyncHTTPClient
import NIOCore
import SandstormCore
import SandstormTestSupport
import Testing

/// With ipykernel in real sandboxes.
@Suite("Python in the interpreter", .enabled(if: KernelMachine.canRun, KernelMachine.why)) struct PythonKernelTests {
    @Test func `code's output and result come as events of exactly this form`() async throws {
        try await TestInterpreter.run { interpreter in
            #expect(try await interpreter.send("GET", "/health").text == "\"OK\"")
            let execution = try await interpreter.execute("print('ü\\u2028'); 1 + 2")
            #expect(execution.status == 200, "\(execution.body)")
            #expect(execution.types == ["number_of_executions", "stdout", "result", "end_of_execution"])
            #expect(execution.events[0] == ["type": "number_of_executions", "execution_count": 1])
            #expect(execution.stdout == "ü\u{2028}\n")
            #expect(execution.body.contains("\"\\u00fc\\u2028\\n\""))
            #expect(execution.events[1]["timestamp"]?.stringValue?.contains("T") == true)
            #expect(execution.events[2] == ["type": "result", "is_main_result": true, "text": "3", "extra": [:]])
            #expect(execution.events[3] == ["type": "end_of_execution"])

            #expect(try await interpreter.execute("x = 1").types == ["number_of_executions", "end_of_execution"])
            let later = try await interpreter.execute("x += 1; x")
            #expect(later.text == "2" && later.count == 3)
        }
    }

    @Test func `errors have their names, values and tracebacks`() async throws {
        try await TestInterpreter.run { interpreter in
            let failed = try await interpreter.execute("print('before')\ndef broken():\n    raise ValueError('wrong')\nbroken()")
            #expect(failed.stdout == "before\n" && failed.results.isEmpty)
            #expect(failed.error?["name"] == "ValueError" && failed.error?["value"] == "wrong")
            #expect(failed.error?["traceback"]?.stringValue?.contains("broken") == true)
            #expect(failed.types.last == "end_of_execution")
            #expect(try await interpreter.execute("not python at all").error?["name"] == "SyntaxError")
            #expect(try await interpreter.execute("input('name? ')").error?["name"] == "StdinNotImplementedError")
            #expect(try await interpreter.execute("'still here'").text == "still here")
        }
    }

    @Test func `output of child processes comes before the cell ends`() async throws {
        try await TestInterpreter.run { interpreter in
            let execution = try await interpreter.execute(
                """
                import os, subprocess
                os.system("echo one; echo err >&2")
                subprocess.run(["printf", "%s", "tw\\xf6"])
                os.write(1, b"\\xff")
                !echo three
                """)
            #expect(execution.stdout.contains("one\n") && execution.stdout.contains("twö"))
            #expect(execution.stdout.contains("\u{FFFD}") && execution.stdout.contains("three"))
            #expect(execution.stderr == "err\n")
            // What is not text keeps nobody from going on.
            #expect(try await interpreter.execute("import os; os.system('echo again')").stdout == "again\n")
        }
    }

    @Test func `results have all their forms`() async throws {
        try await TestInterpreter.run { interpreter in
            let shown = try await interpreter.execute(
                """
                from IPython.display import *
                display(HTML("<b>b</b>")); display(Markdown("# m")); display(Latex("$x$")); display(Javascript("1"))
                display(JSON({"a": [1]})); display(SVG('<svg xmlns="http://www.w3.org/2000/svg"/>'))
                display({"application/x-own": "mine", "text/plain": "plain"}, raw=True)
                class Many:
                    def _repr_png_(self): return b"\\x89PNG\\r\\n\\x1a\\n"
                    def _repr_jpeg_(self): return b"\\xff\\xd8\\xff"
                    def _repr_pdf_(self): return b"%PDF-1"
                    def __repr__(self): return "'many'"
                Many()
                """)
            #expect(shown.error == nil, "\(shown.body)")
            let results = shown.results
            try #require(results.count == 8)
            #expect(results.map { $0["is_main_result"] } == Array(repeating: false, count: 7) + [true])
            #expect(results[0]["html"] == "<b>b</b>")
            #expect(results[1]["markdown"] == "# m")
            #expect(results[2]["latex"] == "$x$")
            #expect(results[3]["javascript"] == "1")
            #expect(results[4]["json"] == ["a": [1]])
            #expect(results[5]["svg"]?.stringValue?.contains("<svg") == true)
            #expect(
                results[6] == [
                    "type": "result", "is_main_result": false, "text": "plain", "extra": ["application/x-own": "mine"],
                ])
            #expect(results[7]["png"] == "iVBORw0KGgo=" && results[7]["jpeg"] == "/9j/" && results[7]["pdf"] == "JVBERi0x")
            // One pair of quotes is taken away.
            #expect(results[7]["text"] == "many" && results[7]["extra"] == [:])
        }
    }

    @Test func `a cell's environment is its own, and shifts no line`() async throws {
        try await TestInterpreter.run({ $0.attributes["e2b"] = ["environment": ["GLOBAL": "sandbox"]] }) { interpreter in
            let look = "import os; [os.environ.get(n) for n in ('GLOBAL', 'OWN')]"
            #expect(try await interpreter.execute(look).text == "['sandbox', None]")
            let inside = try await interpreter.execute(look, environment: ["GLOBAL": "cell", "OWN": "a 'b' \"c\"\n$d"])
            #expect(inside.text?.contains("'cell'") == true && inside.text?.contains("\\n$d") == true)
            #expect(try await interpreter.execute(look).text == "['sandbox', None]")
            let failed = try await interpreter.execute("y = 1\n1/0", environment: ["OWN": "1"])
            #expect(failed.error?["traceback"]?.stringValue?.contains("line 2") == true)
            #expect(try await interpreter.execute(look).text == "['sandbox', None]")
            let refused = try await interpreter.execute("1", environment: ["A=B": "1"])
            #expect(refused.status == 422)
        }
    }

    @Test func `a kernel works at home, and leaves nothing there`() async throws {
        try await TestInterpreter.run { interpreter in
            // What lies there is not taken for a part of the interpreter.
            _ = try await interpreter.sandbox.run("echo 'raise SystemExit(1)' | tee ~/asyncio.py ~/json.py ~/kernels.py ~/token.py")
            let execution = try await interpreter.execute(
                "import os, getpass; print(os.getcwd(), os.path.expanduser('~'), getpass.getuser())")
            #expect(execution.stdout == "/home/user /home/user user\n", "\(execution.body)")
            let files = try await interpreter.sandbox.run("ls -A ~").stdout
            #expect(files == "asyncio.py\njson.py\nkernels.py\ntoken.py\n")
            _ = try await interpreter.sandbox.run("echo 'value = 7' > ~/mine.py")
            #expect(try await interpreter.execute("import mine; mine.value").text == "7")
        }
    }

    @Test func `a kernel that dies is told of and replaced`() async throws {
        try await TestInterpreter.run { interpreter in
            _ = try await interpreter.execute("x = 1")
            for code in ["import os; os._exit(3)", "import os; os.kill(os.getpid(), 9)"] {
                let died = try await interpreter.execute(code)
                #expect(died.error?["name"] == "UnexpectedEndOfExecution", "\(died.body)")
                #expect(died.types.last == "end_of_execution")
                let next = try await interpreter.execute("1 + 1")
                #expect(next.text == "2" && next.count == 1)
            }
            #expect(try await interpreter.execute("x").error?["name"] == "NameError")
            // Whoever leaves on purpose is no failure.
            #expect(try await interpreter.execute("exit()").error == nil)
            #expect(try await interpreter.execute("2 + 2").text == "4")
        }
    }

    @Test(.enabled(if: LocalMachine.isRoot, "needs control groups"))
    func `running out of memory ends the kernel, not the interpreter`() async throws {
        try await TestInterpreter.run({ $0.spec.memory = 384 }) { interpreter in
            let context = try await interpreter.context()
            _ = try await interpreter.execute("kept = 1")
            let code = "x = bytearray(10 ** 9)\nfor i in range(0, len(x), 4096): x[i] = 1"
            let greedy = try await interpreter.execute(code, context: context)
            #expect(greedy.error?["name"] == "UnexpectedEndOfExecution", "\(greedy.body)")
            #expect(try await interpreter.execute("kept").text == "1")
            #expect(try await interpreter.execute("1 + 1", context: context).text == "2")
        }
    }

    @Test func `a client that goes away interrupts what it has started`() async throws {
        try await TestInterpreter.run { interpreter in
            for code in [
                "import time\nprint('on')\nfor i in range(600): time.sleep(0.1)", "print('on', flush=True)\nwhile True: pass",
                "import asyncio\nprint('on', flush=True)\nawait asyncio.sleep(600)", "import os\nos.system('echo on; sleep 600')",
                "while True: print('on' * 1000)",
            ] {
                _ = try await interpreter.execute("kept = 1")
                do {
                    let response = try await interpreter.open(code)
                    for try await bytes in response.body where String(buffer: bytes).contains("on") { break }
                }
                let next = try await interpreter.execute("kept")
                #expect(next.text == "1" && next.stdout == "", "\(code): \(next.body.prefix(500))")
            }
        }
    }

    @Test func `output waits for a slow reader, and is not lost`() async throws {
        try await TestInterpreter.run { interpreter in
            let response = try await interpreter.open("for i in range(80): print(str(i % 10) * 1_000_000)\nprint('end')")
            try await Task.sleep(for: .seconds(2))
            // The kernel has not run ahead: what it has put out is in no memory.
            let resident = try await interpreter.sandbox.run("cat /proc/[0-9]*/status | awk '/VmRSS/ { n += $2 } END { print n }'")
            let kibibytes = try #require(Int(resident.stdout.trimmingSuffix { $0 == "\n" }))
            #expect(kibibytes < 250_000)
            let execution = try Execution(status: 200, body: String(buffer: try await response.body.collect(upTo: 1 << 28)))
            let expected = (0..<80).map { String(repeating: "\($0 % 10)", count: 1_000_000) + "\n" }.joined() + "end\n"
            #expect(execution.stdout.utf8.count == expected.utf8.count)
            #expect(execution.stdout.utf8.elementsEqual(expected.utf8))
        }
    }

    @Test func `nothing happening is told every few seconds`() async throws {
        try await TestInterpreter.run { interpreter in
            let execution = try await interpreter.execute("import time; time.sleep(6); 1")
            #expect(execution.body.contains("{\"type\":\"keepalive\"}\n"))
            #expect(execution.text == "1")
        }
    }
}
