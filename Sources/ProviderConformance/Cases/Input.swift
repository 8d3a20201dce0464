import NIOCore
import SandstormCore
import Testing

extension ConformanceCase {
    static let input: [ConformanceCase] = [
        ConformanceCase(.input, "input arrives, and its end") { c in
            let process = try await c.sandbox().start(c.line("cat; echo end"))
            try await process.write(ByteBuffer(string: "one "))
            try await process.write(ByteBuffer(string: "two\n"))
            c.expect("what came back", try await c.finished(process).stdout, is: "one two\nend\n")
        },
        ConformanceCase(.input, "without an end a program waits for more") { c in
            let process = try await c.sandbox().start(c.line("while read line; do echo got $line; done; echo end"))
            var events = process.events.makeAsyncIterator()
            for number in 0..<5 {
                try await process.write(ByteBuffer(string: "\(number)\n"))
                c.expect("its answer", try await events.output(until: "\n"), is: "got \(number)\n")
            }
            try await process.closeInput()
            c.expect("its last word", try await events.rest().output, is: "end\n")
        },
        ConformanceCase(.input, "every byte arrives as it is") { c in
            let process = try await c.sandbox().start(c.line("exec cat"))
            let all = ByteBuffer(bytes: (0..<4096).map { UInt8(truncatingIfNeeded: $0 ^ ($0 >> 8)) })
            try await process.write(all)
            c.expect("what came back", try await c.finished(process).output, is: all)
        },
        ConformanceCase(.input, "much input arrives whole while its echo is read") { c in
            let process = try await c.sandbox().start(c.line("exec cat"))
            let piece = ByteBuffer(string: String(repeating: "0123456789abcde\n", count: 4096))
            async let echo: Pattern = {
                var pattern = Pattern("0123456789abcde\n")
                for try await event in process.events { if case .stdout(let bytes) = event { pattern.take(bytes) } }
                return pattern
            }()
            for _ in 0..<128 { try await process.write(piece) }
            try await process.closeInput()
            let pattern = try await echo
            c.expect("how much came back", pattern.count, is: 8 << 20)
            c.expect(pattern.isIntact, "what came back is not what was written")
        },
        ConformanceCase(.input, "input that nobody reads is no error") { c in
            let process = try await c.sandbox().start(c.line("exit 3"))
            for _ in 0..<32 { try await process.write(ByteBuffer(repeating: 0, count: 65_536)) }
            c.expect("the exit code", try await c.finished(process).code, is: 3)
        },
        ConformanceCase(.input, "an empty write is nothing, closing twice is closing") { c in
            let process = try await c.sandbox().start(c.line("exec cat"))
            try await process.write(ByteBuffer())
            try await process.write(ByteBuffer(string: "x"))
            try await process.closeInput()
            try await process.closeInput()
            let result = try await process.transcript()
            c.expect("what came back", result.stdout, is: "x")
            c.expect("the exit code", result.code, is: 0)
        },
        ConformanceCase(.input, "input goes to its own process only") { c in
            let sandbox = try await c.sandbox()
            let (one, other) = (try await sandbox.start(c.line("exec cat")), try await sandbox.start(c.line("exec cat")))
            try await one.write(ByteBuffer(string: "for one"))
            try await other.write(ByteBuffer(string: "for the other"))
            c.expect("what one got", try await c.finished(one).stdout, is: "for one")
            c.expect("what the other got", try await c.finished(other).stdout, is: "for the other")
        },
        ConformanceCase(.input, "a program that closes its input can go on") { c in
            let process = try await c.sandbox().start(c.line("exec <&-; sleep 0.3; echo went on; exit 2"))
            for _ in 0..<8 { try await process.write(ByteBuffer(repeating: 0, count: 65_536)) }
            let result = try await c.finished(process)
            c.expect("what it said", result.stdout, is: "went on\n")
            c.expect("the exit code", result.code, is: 2)
        },
    ]
}
