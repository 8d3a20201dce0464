import NIOCore
import SandstormCore
import Testing

extension ConformanceCase {
    static let exitCodes: [ConformanceCase] = [
        ConformanceCase(.exitCodes, "every exit code comes back as it is") { c in
            let sandbox = try await c.sandbox()
            for code: Int32 in [0, 1, 2, 7, 42, 99, 126, 127, 200, 254, 255] {
                let status = try await c.shell(sandbox, "exit \(code)").status
                c.expect("how it ended", status?.outcome, is: .code(code))
            }
        },
        ConformanceCase(.exitCodes, "a program's own death by a signal is told as that") { c in
            let sandbox = try await c.sandbox()
            for (name, number): (String, Int32) in [("TERM", 15), ("KILL", 9), ("SEGV", 11), ("ABRT", 6), ("USR1", 10)] {
                let status = try await c.shell(sandbox, "kill -\(name) $$; sleep 5").status
                c.expect("how a shell ended that got \(name)", status?.outcome, is: .signal(Signal(rawValue: number)))
            }
        },
        ConformanceCase(.exitCodes, "a code above 128 is not taken for a signal") { c in
            let status = try await c.shell(try await c.sandbox(), "exit 143").status
            c.expect("how it ended", status?.outcome, is: .code(143))
        },
        ConformanceCase(.exitCodes, "the code comes after all output") { c in
            let sandbox = try await c.sandbox()
            for _ in 0..<5 {
                let result = try await c.shell(sandbox, "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done; exit 3")
                c.expect("the last line", result.stdout.split(separator: "\n").last, is: "line 1999")
                c.expect("the last event", result.order.last, is: "exited")
                c.expect("the exit code", result.code, is: 3)
            }
        },
        ConformanceCase(.exitCodes, "many programs that end at once are told apart") { c in
            let sandbox = try await c.sandbox()
            let lines = (0..<24).map { ($0, c.line("exit \($0)")) }
            try await withThrowingTaskGroup(of: (Int, Int32?).self) { group in
                for (code, line) in lines { group.addTask { (code, try await c.finished(try await sandbox.start(line)).code) } }
                for try await (code, actual) in group { c.expect("an exit code", actual, is: Int32(code)) }
            }
        },
        ConformanceCase(.exitCodes, "what a program leaves running does not hold up its end") { c in
            let sandbox = try await c.sandbox()
            let start = ContinuousClock.now
            let result = try await c.shell(sandbox, "sleep 60 >/dev/null 2>&1 </dev/null & echo $!; exit 4")
            c.expect("the exit code", result.code, is: 4)
            c.expect(ContinuousClock.now - start < .seconds(50), "the end was told only when the background program had ended")
            _ = try await c.shell(sandbox, "kill \(result.stdout)")
        },
        ConformanceCase(.exitCodes, "what was measured is sane") { c in
            let status = try await c.shell(try await c.sandbox(), "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done").status
            if let time = status?.cpuTime { c.expect(time > .zero && time < .seconds(60), "a short loop took \(time) of CPU") }
            if let peak = status?.peakMemoryKiB { c.expect(peak > 0 && peak < 1 << 30, "a shell needed \(peak) KiB") }
        },
    ]
}
