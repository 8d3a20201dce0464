import NIOCore
import SandstormCore
import Testing

extension ConformanceCase {
    static let signals: [ConformanceCase] = [
        ConformanceCase(.signals, "a signal ends a program") { c in
            let sandbox = try await c.sandbox()
            for signal in [Signal.terminate, .kill, .hangUp, .interrupt] {
                let process = try await sandbox.start(c.line("echo up; exec sleep 1000"))
                var events = process.events.makeAsyncIterator()
                _ = try await events.output(until: "up\n")
                try await process.signal(signal)
                c.expect("how it ended by \(signal)", try await events.rest().status?.outcome, is: .signal(signal))
            }
        },
        ConformanceCase(.signals, "a program can catch a signal and end as it likes") { c in
            let process = try await c.sandbox().start(c.line("trap 'echo caught; exit 5' TERM; echo up; while :; do sleep 0.1; done"))
            var events = process.events.makeAsyncIterator()
            _ = try await events.output(until: "up\n")
            try await process.signal(.terminate, to: .process)
            let (output, status) = try await events.rest()
            c.expect("what it said", output, is: "caught\n")
            c.expect("how it ended", status?.outcome, is: .code(5))
        },
        ConformanceCase(.signals, "a signal that is ignored does nothing, a kill does") { c in
            let process = try await c.sandbox().start(c.line("trap '' TERM; echo up; while read line; do echo got $line; done"))
            var events = process.events.makeAsyncIterator()
            _ = try await events.output(until: "up\n")
            try await process.signal(.terminate)
            try await process.write(ByteBuffer(string: "this\n"))
            c.expect("what it said after TERM", try await events.output(until: "\n"), is: "got this\n")
            try await process.signal(.kill)
            c.expect("how it ended", try await events.rest().status?.outcome, is: .signal(.kill))
        },
        ConformanceCase(.signals, "a signal to the group reaches what a program has started") { c in
            let sandbox = try await c.sandbox()
            let process = try await sandbox.start(c.line("sh -c 'echo $$ > child; exec sleep 1000' & echo up; wait"))
            var events = process.events.makeAsyncIterator()
            _ = try await events.output(until: "up\n")
            try await c.eventually("the child did not start") { try await c.shell(sandbox, "test -s child").code == 0 }
            try await process.signal(.terminate, to: .group)
            c.expect("how the parent ended", try await events.rest().status?.outcome, is: .signal(.terminate))
            try await c.eventually("the child lives on") { try await c.shell(sandbox, "kill -0 $(cat child) 2>/dev/null").code != 0 }
        },
        ConformanceCase(.signals, "a signal to the process alone leaves its children") { c in
            let sandbox = try await c.sandbox()
            let process = try await sandbox.start(
                c.line("sh -c 'trap \"echo hit > hit\" TERM; echo $$ > child; while :; do sleep 0.1; done' & echo up; wait"))
            var events = process.events.makeAsyncIterator()
            _ = try await events.output(until: "up\n")
            try await c.eventually("the child did not start") { try await c.shell(sandbox, "test -s child").code == 0 }
            try await process.signal(.terminate, to: .process)
            c.expect("how the parent ended", try await events.rest().status?.outcome, is: .signal(.terminate))
            let after = try await c.shell(sandbox, "sleep 0.5; kill -0 $(cat child) && test ! -e hit; echo $?; kill -9 $(cat child)")
            c.expect("whether the child lives, and got nothing", after.stdout, is: "0\n")
        },
        ConformanceCase(.signals, "signals that mean nothing to us arrive too") { c in
            let process = try await c.sandbox().start(
                c.line("trap 'echo one' USR1; trap 'echo two; exit 0' USR2; echo up; while :; do sleep 0.1; done"))
            var events = process.events.makeAsyncIterator()
            _ = try await events.output(until: "up\n")
            try await process.signal(Signal(rawValue: 10), to: .process)
            c.expect("what USR1 did", try await events.output(until: "one\n"), is: "one\n")
            try await process.signal(Signal(rawValue: 12), to: .process)
            c.expect("what USR2 did", try await events.rest().output, is: "two\n")
        },
        ConformanceCase(.signals, "a stopped program goes on when it is told to") { c in
            let sandbox = try await c.sandbox()
            let process = try await sandbox.start(c.line("echo up; while :; do echo x >> ticks; sleep 0.05; done"))
            var events = process.events.makeAsyncIterator()
            _ = try await events.output(until: "up\n")
            let count = "wc -l < ticks"
            try await process.signal(Signal(rawValue: 19))
            // It may tick once more before the signal is there.
            try await Task.sleep(for: .milliseconds(500))
            let stopped = try await c.shell(sandbox, count).stdout
            let later = try await c.shell(sandbox, "sleep 0.5; \(count)").stdout
            c.expect("the ticks while it was stopped", later, is: stopped)
            try await process.signal(Signal(rawValue: 18))
            try await c.eventually("it did not go on") { try await c.shell(sandbox, count).stdout != stopped }
            try await process.signal(.kill)
            c.expect("how it ended", try await events.rest().status?.outcome, is: .signal(.kill))
        },
        ConformanceCase(.signals, "a signal to what has ended does nothing") { c in
            let sandbox = try await c.sandbox()
            let process = try await sandbox.start(c.line("exit 6"))
            let result = try await c.finished(process)
            c.expect("the exit code", result.code, is: 6)
            try await process.signal(.kill)
            try await process.signal(.terminate, to: .process)
            c.expect("what runs afterwards", try await c.shell(sandbox, "echo fine").stdout, is: "fine\n")
        },
    ]
}
