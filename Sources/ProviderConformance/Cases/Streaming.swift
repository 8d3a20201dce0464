import NIOCore
import SandstormCore
import Testing

extension ConformanceCase {
    static let streaming: [ConformanceCase] = [
        ConformanceCase(.streaming, "the first event is the start, the last the exit") { c in
            let process = try await c.sandbox().start(c.line("echo x"))
            try await process.closeInput()
            var events: [ProcessEvent] = []
            for try await event in process.events { events.append(event) }
            if case .started(let pid)? = events.first {
                c.expect(pid > 0, "the process id is \(pid)")
            } else {
                c.expect(false, "the first event is \(events.first.map { "\($0)" } ?? "missing")")
            }
            guard case .exited? = events.last else { return c.expect(false, "the last event is not the exit: \(events)") }
            let others = events.filter { event in
                if case .stdout = event { false } else { true }
            }
            c.expect("events that are no output", others.count, is: 2)
        },
        ConformanceCase(.streaming, "output and errors come apart") { c in
            let result = try await c.shell(try await c.sandbox(), "echo out; echo err >&2; echo out2; echo err2 >&2")
            c.expect("stdout", result.stdout, is: "out\nout2\n")
            c.expect("stderr", result.stderr, is: "err\nerr2\n")
        },
        ConformanceCase(.streaming, "output arrives while the command runs") { c in
            let process = try await c.sandbox().start(c.line("echo first; read line; echo got $line"))
            var events = process.events.makeAsyncIterator()
            // The command can't end before it was answered, so what arrives has arrived while it runs.
            c.expect("what it said first", try await events.output(until: "\n"), is: "first\n")
            try await process.write(ByteBuffer(string: "you\n"))
            try await process.closeInput()
            c.expect("what it said then", try await events.rest().output, is: "got you\n")
        },
        ConformanceCase(.streaming, "each piece of output comes when it is written") { c in
            let process = try await c.sandbox().start(c.line("for i in 1 2 3; do echo tick $i; sleep 1; done"))
            var events = process.events.makeAsyncIterator()
            var arrivals: [ContinuousClock.Instant] = []
            for number in 1...3 {
                let seen = try await events.output(until: "tick \(number)\n")
                c.expect("a piece of output", seen, is: "tick \(number)\n")
                arrivals.append(.now)
            }
            _ = try await events.rest()
            let (spread, tail) = (arrivals[2] - arrivals[0], ContinuousClock.now - arrivals[2])
            c.expect(spread > .seconds(1), "three pieces written over 2 s came within \(spread)")
            c.expect(tail > .milliseconds(300), "the last piece came only \(tail) before the end, a second after it was written")
        },
        ConformanceCase(.streaming, "errors arrive while the command runs") { c in
            let process = try await c.sandbox().start(c.line("echo first >&2; read line; exit 0"))
            var events = process.events.makeAsyncIterator()
            var seen = ""
            while !seen.contains("\n"), let event = try await events.next(isolation: nil) {
                if case .stderr(let bytes) = event { seen += String(buffer: bytes) }
            }
            c.expect("what it said", seen, is: "first\n")
            try await process.closeInput()
            c.expect("how it ended", try await events.rest().status?.outcome, is: .code(0))
        },
        ConformanceCase(.streaming, "lines come in their order") { c in
            let result = try await c.shell(try await c.sandbox(), "i=0; while [ $i -lt 20000 ]; do echo $i; i=$((i+1)); done")
            c.expect(result.stdout == (0..<20_000).map { "\($0)\n" }.joined(), "20,000 numbered lines did not come in order")
        },
        ConformanceCase(.streaming, "every byte comes as it is") { c in
            let octal = (0..<256).map { "\\" + String($0 + 512, radix: 8).dropFirst() }.joined()
            let result = try await c.shell(try await c.sandbox(), "printf '\(octal)'; printf '\(octal)' >&2")
            let all = ByteBuffer(bytes: UInt8.min...UInt8.max)
            c.expect("stdout of all 256 bytes", result.output, is: all)
            c.expect("stderr of all 256 bytes", result.errors, is: all)
        },
        ConformanceCase(.streaming, "a character that is split over chunks is whole again") { c in
            let line = "printf '\\360\\237'; sleep 0.3; printf '\\220\\230 gr\\303'; sleep 0.3; printf '\\274n\\n'"
            c.expect("the text", try await c.shell(try await c.sandbox(), line).stdout, is: "🐘 grün\n")
        },
        ConformanceCase(.streaming, "bytes that are no text come as they are") { c in
            let result = try await c.shell(try await c.sandbox(), "printf '\\377\\376\\000\\303('")
            c.expect("the bytes", result.output, is: ByteBuffer(bytes: [0xFF, 0xFE, 0, 0xC3, 0x28]))
        },
        ConformanceCase(.streaming, "a last line without an end comes too") { c in
            let result = try await c.shell(try await c.sandbox(), "printf no-newline; printf err >&2")
            c.expect("stdout", result.stdout, is: "no-newline")
            c.expect("stderr", result.stderr, is: "err")
        },
        ConformanceCase(.streaming, "no output is none") { c in
            let result = try await c.shell(try await c.sandbox(), "exit 0")
            c.expect("the events", result.order, is: ["started", "exited"])
        },
        ConformanceCase(.streaming, "a large output comes whole") { c in
            let size = c.budget.largeTransfer
            let process = try await c.sandbox().start(c.line("yes 0123456789abcde | head -c \(size)"))
            try await process.closeInput()
            var pattern = Pattern("0123456789abcde\n")
            var status: SandstormCore.ExitStatus?
            for try await event in process.events {
                if case .stdout(let bytes) = event { pattern.take(bytes) }
                if case .exited(let end) = event { status = end }
            }
            c.expect("its size", pattern.count, is: size)
            c.expect(pattern.isIntact, "its bytes are not those that were written")
            c.expect("how it ended", status?.outcome, is: .code(0))
        },
        ConformanceCase(.streaming, "large errors come whole beside the output") { c in
            let process = try await c.sandbox().start(
                c.line("yes errors-errors-e | head -c 8388608 >&2 & yes 0123456789abcde | head -c 8388608; wait"))
            try await process.closeInput()
            var (output, errors) = (Pattern("0123456789abcde\n"), Pattern("errors-errors-e\n"))
            for try await event in process.events {
                if case .stdout(let bytes) = event { output.take(bytes) }
                if case .stderr(let bytes) = event { errors.take(bytes) }
            }
            c.expect("the size of stdout", output.count, is: 8 << 20)
            c.expect("the size of stderr", errors.count, is: 8 << 20)
            c.expect(output.isIntact && errors.isIntact, "the bytes are not those that were written")
        },
        ConformanceCase(.streaming, "one very long line comes whole") { c in
            let result = try await c.shell(try await c.sandbox(), "head -c 3000000 /dev/zero | tr '\\0' x; echo")
            c.expect("its length", result.output.readableBytes, is: 3_000_001)
            var pattern = Pattern("x")
            if let line = result.output.getSlice(at: 0, length: 3_000_000) { pattern.take(line) }
            c.expect(pattern.isIntact, "it has other bytes in it")
        },
        ConformanceCase(.streaming, "a program whose output nobody reads has to wait") { c in
            let sandbox = try await c.sandbox()
            let loop = "i=0; while :; do head -c 1048576 /dev/zero; i=$((i+1)); echo $i > n.tmp; mv n.tmp n; done"
            let process = try await sandbox.start(c.line(loop))
            func written() async throws -> Int {
                Int(try await c.shell(sandbox, "cat n 2>/dev/null || echo 0").stdout.dropLast()) ?? 0
            }
            let most = c.budget.unreadOutput >> 20
            var (last, still) = (-1, 0)
            let hasStopped = try await comesToHold(within: c.budget.settling) {
                let now = try await written()
                still = now == last ? still + 1 : 0
                last = now
                return still >= 6 || now > most
            }
            c.expect(hasStopped && last <= most, "it went on to write: \(last) MiB that nobody has read, at most \(most) may be on the way")
            // And goes on when somebody does.
            var events = process.events.makeAsyncIterator()
            var count = 0
            while count < (most + 8) << 20, let event = try await events.next(isolation: nil) {
                if case .stdout(let bytes) = event { count += bytes.readableBytes }
            }
            try await c.eventually("it did not go on when its output was read") { try await written() > last }
            try await process.signal(.kill)
        },
        ConformanceCase(.streaming, "a wait for output ends when it is cancelled") { c in
            let process = try await c.sandbox().start(c.line("exec sleep 1000"))
            let reading = Task { try await process.transcript() }
            try await Task.sleep(for: .milliseconds(100))
            reading.cancel()
            if case .success(let transcript) = await reading.result { c.expect(false, "it ended with \(transcript)") }
            try await process.signal(.kill)
        },
    ]
}
