import NIOCore
import SandstormCore
import Testing

extension ConformanceCase {
    static let concurrency: [ConformanceCase] = [
        ConformanceCase(.concurrency, "sandboxes made at once do not get in each other's way") { c in
            let count = c.budget.sandboxesAtOnce
            let outputs = try await withThrowingTaskGroup(of: (ProviderSandboxID, String).self) { group in
                for index in 0..<count {
                    group.addTask {
                        let sandbox = try await c.ownSandbox()
                        return (
                            sandbox.id, try await c.shell(sandbox, "echo \(index) > f; sleep 0.2; cat f", in: SandboxSpec.workspace).stdout
                        )
                    }
                }
                return try await group.reduce(into: [ProviderSandboxID: String]()) { $0[$1.0] = $1.1 }
            }
            c.expect("names", outputs.count, is: count)
            c.expect("outputs", Set(outputs.values), is: Set((0..<count).map { "\($0)\n" }))
            c.expect("how many are listed", try await c.listed().count, is: count)
        },
        ConformanceCase(.concurrency, "commands at once have outputs, errors and codes of their own") { c in
            let sandbox = try await c.sandbox()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<20 {
                    group.addTask {
                        let result = try await c.shell(
                            sandbox, "for i in 1 2 3; do echo out \(index); echo err \(index) >&2; sleep 0.05; done; exit \(index)")
                        c.expect("stdout", result.stdout, is: String(repeating: "out \(index)\n", count: 3))
                        c.expect("stderr", result.stderr, is: String(repeating: "err \(index)\n", count: 3))
                        c.expect("the exit code", result.code, is: Int32(index))
                    }
                }
                try await group.waitForAll()
            }
        },
        ConformanceCase(.concurrency, "an output that nobody reads holds up nobody else") { c in
            let sandbox = try await c.sandbox()
            let stuffed = try await sandbox.start(c.line("exec cat /dev/zero"))
            var events = stuffed.events.makeAsyncIterator()
            _ = try await events.next(isolation: nil)
            try await Task.sleep(for: .milliseconds(500))
            for number in 0..<10 {
                c.expect("another's output", try await c.shell(sandbox, "echo \(number)").stdout, is: "\(number)\n")
            }
            try await sandbox.files.write(c.path("file"), ByteBuffer(repeating: 0x78, count: 500_000), mode: 0o644)
            c.expect("a file's size", try await sandbox.files.read(c.path("file"), upTo: 1 << 20).readableBytes, is: 500_000)
            try await stuffed.signal(.kill)
            c.expect("how the first one ended", try await events.rest().status?.outcome, is: .signal(.kill))
        },
        ConformanceCase(.concurrency, "files are read and written at once") { c in
            let sandbox = try await c.sandbox()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<24 {
                    group.addTask {
                        let content = ByteBuffer(repeating: UInt8(index), count: 50_000 + index)
                        try await sandbox.files.write(c.path("dir/f\(index)"), content, mode: 0o644)
                        let back = try await sandbox.files.read(c.path("dir/f\(index)"), upTo: 100_000)
                        c.expect(back == content, "file \(index) came back with other bytes")
                    }
                }
                try await group.waitForAll()
            }
            c.expect("files", try await sandbox.files.list(c.path("dir"), depth: 1).count, is: 24)
        },
        ConformanceCase(.concurrency, "an exchange goes on beside a large output") { c in
            let sandbox = try await c.sandbox()
            let talker = try await sandbox.start(c.line("while read line; do echo got $line; done"))
            let loud = try await sandbox.start(c.line("yes 0123456789abcde | head -c 33554432"))
            async let volume: Int = {
                var count = 0
                for try await event in loud.events { if case .stdout(let bytes) = event { count += bytes.readableBytes } }
                return count
            }()
            var events = talker.events.makeAsyncIterator()
            for number in 0..<10 {
                try await talker.write(ByteBuffer(string: "\(number)\n"))
                c.expect("the answer", try await events.output(until: "\n"), is: "got \(number)\n")
            }
            try await talker.closeInput()
            c.expect("how the talker ended", try await events.rest().status?.outcome, is: .code(0))
            c.expect("the large output", try await volume, is: 32 << 20)
        },
    ]
}
