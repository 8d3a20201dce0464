import NIOCore
import SandstormCore
import Testing

extension ConformanceCase {
    private static func run(_ c: CaseContext, _ sandbox: any Sandbox, _ line: String) async throws -> String {
        try await c.shell(sandbox, line, in: SandboxSpec.workspace).stdout
    }

    static let fork: [ConformanceCase] = [
        ConformanceCase(.fork, "the second one has the first one's files", needs: [.fork]) { c in
            let sandbox = try await c.ownSandbox()
            _ = try await run(c, sandbox, "mkdir d; echo kept > d/file; chmod 700 d/file")
            let other = c.keep(try await sandbox.fork(tag: c.tag()))
            c.expect(other.id != sandbox.id, "both are called \(other.id)")
            c.expect("its files", try await run(c, other, "cat d/file; ls -l d/file | cut -c1-10"), is: "kept\n-rwx------\n")
        },
        ConformanceCase(.fork, "both go on by themselves", needs: [.fork]) { c in
            let sandbox = try await c.ownSandbox()
            _ = try await run(c, sandbox, "echo both > file")
            let other = c.keep(try await sandbox.fork(tag: c.tag()))
            _ = try await run(c, sandbox, "echo first > file")
            _ = try await run(c, other, "echo second > file")
            c.expect("the first one's file", try await run(c, sandbox, "cat file"), is: "first\n")
            c.expect("the second one's file", try await run(c, other, "cat file"), is: "second\n")
        },
        ConformanceCase(.fork, "the first one's processes go on", needs: [.fork]) { c in
            let sandbox = try await c.ownSandbox()
            let process = try await sandbox.start(c.line("kept=1; echo up; read line; echo $kept $line", in: SandboxSpec.workspace))
            var events = process.events.makeAsyncIterator()
            _ = try await events.output(until: "up\n")
            c.keep(try await sandbox.fork(tag: c.tag()))
            try await process.write(ByteBuffer(string: "on\n"))
            c.expect("what it says", try await events.rest().output, is: "1 on\n")
        },
        ConformanceCase(.fork, "the second one outlives the first, and has a tag of its own", needs: [.fork]) { c in
            let sandbox = try await c.ownSandbox()
            _ = try await run(c, sandbox, "echo kept > file")
            let tag = c.tag()
            let other = c.keep(try await sandbox.fork(tag: tag))
            c.expect("its tag in the list", try await c.listed().first { $0.id == other.id }?.tag, is: tag)
            try await sandbox.kill()
            c.expect("its file then", try await run(c, other, "cat file"), is: "kept\n")
            c.expect("what is listed then", try await c.listed().map(\.id), is: [other.id])
        },
        ConformanceCase(.fork, "a fork can be forked, and several times", needs: [.fork]) { c in
            let sandbox = try await c.ownSandbox()
            _ = try await run(c, sandbox, "echo one > file")
            let other = c.keep(try await sandbox.fork(tag: c.tag()))
            _ = try await run(c, other, "echo two >> file")
            let third = c.keep(try await other.fork(tag: c.tag()))
            let fourth = c.keep(try await sandbox.fork(tag: c.tag()))
            c.expect("the third one's file", try await run(c, third, "cat file"), is: "one\ntwo\n")
            c.expect("the fourth one's file", try await run(c, fourth, "cat file"), is: "one\n")
        },
    ]
}
