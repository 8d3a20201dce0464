import NIOCore
import SandstormCore
import Testing

extension ConformanceCase {
    private static let usual = TerminalSize(columns: 80, rows: 24)

    static let terminal: [ConformanceCase] = [
        ConformanceCase(.terminal, "a command has none unless it is asked for") { c in
            let result = try await c.shell(try await c.sandbox(), "for n in 0 1 2; do test -t $n && echo $n; done; echo done")
            c.expect("the streams that are terminals", result.stdout, is: "done\n")
        },
        ConformanceCase(.terminal, "all three streams are a terminal", needs: [.terminal]) { c in
            let process = try await c.sandbox().start(c.line("for n in 0 1 2; do test -t $n && echo is $n; done", terminal: usual))
            c.expect("the streams that are", try await process.transcript().stdout, is: "is 0\r\nis 1\r\nis 2\r\n")
        },
        ConformanceCase(.terminal, "it has the size asked for, and a new one when told", needs: [.terminal]) { c in
            let process = try await c.sandbox().start(
                c.line("stty size; read x; stty size", terminal: TerminalSize(columns: 101, rows: 37)))
            var events = process.events.makeAsyncIterator()
            c.expect("the size at first", try await events.output(until: "\n"), is: "37 101\r\n")
            try await process.resize(columns: 132, rows: 43)
            try await process.write(ByteBuffer(string: "\n"))
            let rest = try await events.rest().output
            c.expect(rest.hasSuffix("43 132\r\n"), "the size afterwards is \(rest.debugDescription)")
        },
        ConformanceCase(.terminal, "a program hears of a new size", needs: [.terminal]) { c in
            let process = try await c.sandbox().start(
                c.line("trap 'stty size; exit 0' WINCH; echo up; while :; do sleep 0.1; done", terminal: usual))
            var events = process.events.makeAsyncIterator()
            _ = try await events.output(until: "up\r\n")
            try await process.resize(columns: 90, rows: 30)
            c.expect("what it saw", try await events.rest().output, is: "30 90\r\n")
        },
        ConformanceCase(.terminal, "errors come with the output", needs: [.terminal]) { c in
            let process = try await c.sandbox().start(c.line("echo out; echo err >&2", terminal: usual))
            let result = try await process.transcript()
            c.expect("stdout", result.stdout, is: "out\r\nerr\r\n")
            c.expect("stderr", result.stderr, is: "")
        },
        ConformanceCase(.terminal, "what is typed is echoed and read", needs: [.terminal]) { c in
            let process = try await c.sandbox().start(c.line("echo up; read line; echo got $line", terminal: usual))
            var events = process.events.makeAsyncIterator()
            _ = try await events.output(until: "up\r\n")
            try await process.write(ByteBuffer(string: "hello\n"))
            c.expect("what was seen", try await events.rest().output, is: "hello\r\ngot hello\r\n")
        },
        ConformanceCase(.terminal, "Ctrl-C interrupts", needs: [.terminal]) { c in
            let process = try await c.sandbox().start(c.line("echo up; exec sleep 1000", terminal: usual))
            var events = process.events.makeAsyncIterator()
            _ = try await events.output(until: "up\r\n")
            try await process.write(ByteBuffer(bytes: [3]))
            c.expect("how it ended", try await events.rest().status?.outcome, is: .signal(.interrupt))
        },
        ConformanceCase(.terminal, "Ctrl-D ends the input", needs: [.terminal]) { c in
            let process = try await c.sandbox().start(c.line("echo up; cat; echo end", terminal: usual))
            var events = process.events.makeAsyncIterator()
            _ = try await events.output(until: "up\r\n")
            try await process.write(ByteBuffer(bytes: [4]))
            let (output, status) = try await events.rest()
            c.expect(output.hasSuffix("end\r\n"), "cat did not see the end: \(output.debugDescription)")
            c.expect("how it ended", status?.outcome, is: .code(0))
        },
        ConformanceCase(.terminal, "exit codes come back through it", needs: [.terminal]) { c in
            let process = try await c.sandbox().start(c.line("exit 9", terminal: usual))
            c.expect("how it ended", try await process.transcript().status?.outcome, is: .code(9))
        },
        ConformanceCase(.terminal, "much output comes whole through it", needs: [.terminal]) { c in
            let process = try await c.sandbox().start(c.line("i=0; while [ $i -lt 5000 ]; do echo $i; i=$((i+1)); done", terminal: usual))
            let output = try await process.transcript().stdout
            c.expect(output == (0..<5000).map { "\($0)\r\n" }.joined(), "5,000 numbered lines did not come in order")
        },
    ]
}
