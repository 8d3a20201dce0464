import AsyncHTTPClient
import NIOCore
import SandstormCore
import SandstormTestSupport
import Testing

/// Kernels of ours, in real sandboxes.
@Suite("Other languages in the interpreter", .enabled(if: KernelMachine.canRun, KernelMachine.why)) struct OtherKernelTests {
    @Test(.enabled(if: KernelMachine.hasNode, "needs node"))
    func `javascript keeps its state and gives values`() async throws {
        try await TestInterpreter.run { interpreter in
            func run(_ code: String, environment: [String: String]? = nil) async throws -> Execution {
                try await interpreter.execute(code, language: "js", environment: environment)
            }
            let first = try await run("console.log('hi'); console.error('err'); const x = 6; x * 7")
            #expect(first.stdout == "hi\n" && first.stderr == "err\n" && first.text == "42" && first.count == 1, "\(first.body)")
            #expect(try await run("const x = 7; x").text == "7")
            #expect(try await run("undefined").results.isEmpty)
            #expect(try await run("'text'").text == "text")
            #expect(try await run("({ a: [1, { b: 2 }] })").text == "{ a: [ 1, { b: 2 } ] }")
            #expect(try await run("await new Promise(done => setTimeout(() => done('later'), 20))").text == "later")
            #expect(try await run("async function main() { return 'Hello' }\nawait main()").text == "Hello")
            #expect(try await run("process.env.OWN", environment: ["OWN": "cell"]).text == "cell")
            #expect(try await run("process.env.OWN ?? 'unset'").text == "unset")
            #expect(try await run("process.cwd()").text == "/home/user")
            // The same default context by its other name.
            #expect(try await interpreter.execute("x", language: "JavaScript ").text == "7")
        }
    }

    @Test(.enabled(if: KernelMachine.hasNode, "needs node"))
    func `javascript imports modules, the user's too`() async throws {
        try await TestInterpreter.run { interpreter in
            let setup = """
                mkdir -p ~/node_modules/dual ~/node_modules/old
                echo '{"name": "dual", "exports": {"import": "./m.mjs", "require": "./c.cjs"}}' > ~/node_modules/dual/package.json
                echo 'export default "esm"; export const also = 1' > ~/node_modules/dual/m.mjs
                echo 'module.exports = "cjs"' > ~/node_modules/dual/c.cjs
                echo 'module.exports = { old: true }' > ~/node_modules/old/index.js
                echo 'export const local = 5' > ~/own.mjs
                """
            _ = try await interpreter.sandbox.run(setup)
            let execution = try await interpreter.execute(
                """
                import { readFileSync as read } from 'fs'
                import path, { join } from "node:path";
                import * as os from 'os'; import 'util'
                import dual, { also } from 'dual'
                import old from 'old'
                import { local } from './own.mjs'
                const text = `import x from "y" ${'import(1)'}` // import a from 'b'
                console.log(typeof read, path.join === join, typeof os.cpus, dual, also, old.old, local, /import\\('/.test(text))
                console.log((await import('dual')).default, require('dual'))
                """, language: "javascript")
            #expect(
                execution.error == nil && execution.stdout == "function true function esm 1 true 5 false\nesm cjs\n", "\(execution.body)")
            #expect(try await interpreter.execute("join('a', 'b')", language: "javascript").text == "a/b")
        }
    }

    @Test(.enabled(if: KernelMachine.hasNode, "needs node"))
    func `javascript's failures are told, and end nothing but the cell`() async throws {
        try await TestInterpreter.run { interpreter in
            func run(_ code: String) async throws -> Execution { try await interpreter.execute(code, language: "javascript") }
            let thrown = try await run("function f() {\n  throw new TypeError('wrong')\n}\nf()")
            #expect(thrown.error?["name"] == "TypeError" && thrown.error?["value"] == "wrong")
            #expect(thrown.error?["traceback"]?.stringValue == "TypeError: wrong\n    at f (cell-1.js:2:9)\n    at cell-1.js:4:1")
            #expect(try await run("let q = ;").error?["name"] == "SyntaxError")
            #expect(try await run("throw 'only text'").error?["value"] == "only text")
            #expect(try await run("await Promise.reject(new RangeError('no'))").error?["name"] == "RangeError")
            let late = try await run(
                "setTimeout(() => { throw new Error('late') }, 1); await new Promise(done => setTimeout(done, 100)); 1")
            #expect(late.text == "1" && late.stderr.contains("late"))
            let gone = try await run("var kept = 1; console.log('bye'); process.exit(4)")
            #expect(gone.stdout == "bye\n" && gone.stderr == "" && gone.error?["value"]?.stringValue?.contains("status 4") == true)
            #expect(try await run("typeof kept").text == "undefined")
        }
    }

    @Test(.enabled(if: KernelMachine.hasNode, "needs node"))
    func `javascript that nobody waits for is interrupted, and the kernel lives`() async throws {
        try await TestInterpreter.run { interpreter in
            for code in [
                "console.log('on'); while (true) {}", "console.log('on'); await new Promise(() => {})",
                "while (true) console.log('on'.repeat(1000))", "console.log('on'); require('child_process').execSync('sleep 600')",
            ] {
                _ = try await interpreter.execute("var kept = 1", language: "javascript")
                do {
                    let response = try await interpreter.open(code, language: "javascript")
                    for try await bytes in response.body where String(buffer: bytes).contains("on") { break }
                }
                let next = try await interpreter.execute("kept", language: "javascript")
                #expect(next.text == "1" && next.stdout == "", "\(code): \(next.body.prefix(500))")
            }
        }
    }

    @Test(.enabled(if: KernelMachine.hasTypeScript, "needs node-typescript"))
    func `typescript loses its types`() async throws {
        try await TestInterpreter.run { interpreter in
            func run(_ code: String) async throws -> Execution { try await interpreter.execute(code, language: "ts") }
            let sum = try await run("function sub(x: number, y: number): number { return x - y }\nsub(1, 2)")
            #expect(sum.text == "-1", "\(sum.body)")
            #expect(try await run("enum E { A, B }\ninterface I { e: E }\nconst i: I = { e: E.B }\ni.e").text == "1")
            _ = try await run("import { join } from 'path'")
            #expect(try await run("join('a', 'b') as string").text == "a/b")
            #expect(try await run("let z: number = ;").error?["name"] == "SyntaxError")
        }
    }

    @Test func `bash lives on from cell to cell`() async throws {
        try await TestInterpreter.run { interpreter in
            func run(_ code: String, environment: [String: String]? = nil) async throws -> Execution {
                try await interpreter.execute(code, language: "bash", environment: environment)
            }
            let first = try await run("x='a  b'; cd /tmp; f() { echo \"f:$x\"; }\necho out; echo err >&2")
            #expect(first.types.sorted() == ["end_of_execution", "number_of_executions", "stderr", "stdout"], "\(first.body)")
            #expect(first.stdout == "out\n" && first.stderr == "err\n")
            #expect(try await run("f; pwd").stdout == "f:a  b\n/tmp\n")
            let failed = try await run("echo on; ls /no/where; (exit 3)")
            #expect(failed.stdout == "on\n" && failed.error == ["type": "error", "name": "ExitStatus", "value": "3", "traceback": ""])
            #expect(try await run("echo $?").stdout == "3\n")
            #expect(try await run("if true; then").error?["name"] == "ExitStatus")
            #expect(try await run("echo $OWN", environment: ["OWN": "it's $x"]).stdout == "it's $x\n")
            #expect(try await run("echo ${OWN-unset}; read y; echo \"[$y]\"").stdout == "unset\n[]\n")
            let ended = try await run("echo bye; exit 7")
            #expect(ended.stdout == "bye\n" && ended.stderr == "" && ended.error?["value"] == "7")
            #expect(try await run("echo ${x-fresh}").stdout == "fresh\n")
            #expect(try await run("exit").error == nil)
        }
    }

    @Test func `bash that nobody waits for is interrupted, and lives`() async throws {
        try await TestInterpreter.run { interpreter in
            for code in [
                "echo on; sleep 600", "echo on; while :; do :; done", "f() { while true; do sleep 0.1; done; }; echo on; f; f", "yes on",
            ] {
                _ = try await interpreter.execute("kept=1", language: "bash")
                do {
                    let response = try await interpreter.open(code, language: "bash")
                    for try await bytes in response.body where String(buffer: bytes).contains("on") { break }
                }
                let next = try await interpreter.execute("echo $kept", language: "bash")
                #expect(next.stdout == "1\n" && next.error == nil, "\(code): \(next.body.prefix(500))")
            }
        }
    }

    @Test(.enabled(if: KernelMachine.hasJava, "needs default-jdk-headless"))
    func `java keeps its state, tells of errors, and is interrupted`() async throws {
        try await TestInterpreter.run { interpreter in
            func run(_ code: String, environment: [String: String]? = nil) async throws -> Execution {
                try await interpreter.execute(code, language: "java", environment: environment)
            }
            let first = try await run("int x = 5;\nString f(int y) { return \"v\" + y; }\nSystem.out.println(\"é\\u2028\");\nf(x)")
            #expect(first.stdout == "é\u{2028}\n" && first.text == "v5" && first.count == 1, "\(first.body)")
            #expect(try await run("List.of(x, 6)").text == "[5, 6]")
            #expect(try await run("int z = 1;").results.isEmpty)
            #expect(try await run("System.getProperty(\"OWN\")", environment: ["OWN": "cell"]).text == "cell")
            #expect(try await run("System.getProperty(\"OWN\")").text == "null")
            let thrown = try await run("throw new IllegalStateException(\"wrong\");")
            #expect(thrown.error?["name"] == "java.lang.IllegalStateException" && thrown.error?["value"] == "wrong")
            #expect(try await run("int y = \"text\";").error?["name"] == "CompilationException")
            do {
                let response = try await interpreter.open("System.out.println(\"on\"); while (true) {}", language: "java")
                for try await bytes in response.body where String(buffer: bytes).contains("on") { break }
            }
            #expect(try await run("x").text == "5")
            #expect(try await run("System.exit(3);").error?["value"]?.stringValue?.contains("status 3") == true)
            #expect(try await run("1 + 1").text == "2")
        }
    }

    @Test(.enabled(if: KernelMachine.hasR, "needs r-cran-irkernel"))
    func `r runs on its own Jupyter kernel`() async throws {
        try await TestInterpreter.run { interpreter in
            func run(_ code: String, environment: [String: String]? = nil) async throws -> Execution {
                try await interpreter.execute(code, language: "R", environment: environment)
            }
            let first = try await run("x <- 5; print('hi'); x + 1")
            #expect(first.stdout == "[1] \"hi\"\n" && first.results.first?["text"] == "[1] 6" && first.count == 1, "\(first.body)")
            #expect(try await run("cat(x, Sys.getenv('OWN'))", environment: ["OWN": "a \"b\\"]).stdout == "5 a \"b\\")
            #expect(try await run("cat('[', Sys.getenv('OWN'), ']', sep = '')").stdout == "[]")
            #expect(try await run("stop('wrong')").error?["value"]?.stringValue?.contains("wrong") == true)
        }
    }
}
