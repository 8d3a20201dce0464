#if os(Linux)
import Foundation
import Glibc
import NIOCore
import SandstormCore
import SandstormTestSupport
import Testing

@testable import SandstormWire

@Suite("Processes through the agent", .enabled(if: RealAgent.isBuilt, RealAgent.why))
struct AgentProcessTests {
    // MARK: Users

    @Test("a command runs as another user, with that user's groups and home", .enabled(if: RealAgent.isRoot, "needs root"))
    func user() async throws {
        try await RealAgent.run { agent in
            try await agent.shell("chmod 755 .")
            #expect(
                try await agent.shell("id -un; id -gn; echo $HOME $USER $LOGNAME", user: "daemon")
                    == "daemon\ndaemon\n/usr/sbin daemon daemon\n")
            #expect(try await agent.shell("id -u; id -g; id -G", user: "12345") == "12345\n12345\n12345\n")
            #expect(try await agent.shell("id -u; id -g", user: "daemon:7") == "1\n7\n")
            #expect(try await agent.shell("id -u; id -gn", user: "1:mail") == "1\nmail\n")
            #expect(try await agent.shell("id -u; echo $HOME", user: "0") == "0\n/root\n")
            let own = ["HOME": "/mine", "USER": "me"]
            #expect(try await agent.shell("echo $HOME $USER $LOGNAME", user: "daemon", environment: own) == "/mine me daemon\n")
            #expect(
                try await agent.shell("grep -E '^(Cap(Prm|Eff)|Sig(Blk|Ign))' /proc/self/status | cut -f2 | sort -u", user: "daemon")
                    == "0000000000000000\n")
            #expect(try await agent.shell("ls /proc/self/fd | wc -l", user: "daemon") == "4\n", "0, 1, 2, and what ls itself opens")
            #expect(try await agent.shell("touch f 2>/dev/null || echo refused", user: "daemon") == "refused\n")
        }
    }

    @Test("a terminal belongs to the user who gets it", .enabled(if: RealAgent.isRoot, "needs root"))
    func userWithTerminal() async throws {
        try await RealAgent.run { agent in
            let command = Command(
                ["/bin/sh", "-c", "stat -Lc %U /dev/stdin; echo > /dev/tty && echo tty; stty size"], workingDirectory: "/",
                terminal: TerminalSize(columns: 81, rows: 25), user: "daemon")
            let process = try await agent.connection.start(command)
            #expect(try await output(process).text == "daemon\r\n\r\ntty\r\n25 81\r\n")
        }
    }

    @Test("an unknown user is named, and so are those that exist")
    func unknownUser() async throws {
        try await RealAgent.run { agent in
            for user in ["nobody-knows", "root:nobody-knows", "", "4294967295", "-1"] {
                let error = await #expect(throws: ProviderError.self) {
                    _ = try await agent.connection.start(Command(["true"], workingDirectory: "/", user: user))
                }
                #expect(error?.code == .invalid, "\(user)")
                if user.contains("nobody") { #expect(error?.message.contains("nobody-knows") == true) }
            }
            let missing = await #expect(throws: ProviderError.self) {
                _ = try await agent.connection.start(
                    Command(["no-such-program"], workingDirectory: "/", user: RealAgent.isRoot ? "daemon" : nil))
            }
            #expect(missing?.missingProgram == "no-such-program")
            guard RealAgent.isRoot else { return }
            try await agent.shell("mkdir -m 700 closed")
            let closed = await #expect(throws: ProviderError.self) {
                _ = try await agent.connection.start(Command(["true"], workingDirectory: agent.path("closed"), user: "daemon"))
            }
            #expect(closed?.message.contains("closed") == true)
            try await agent.write("script", "#!/bin/sh\n", mode: 0o700)
            let refused = await #expect(throws: ProviderError.self) {
                _ = try await agent.connection.start(Command([agent.path("script")], workingDirectory: "/", user: "daemon"))
            }
            #expect(refused?.code == .invalid)
        }
    }

    // MARK: Robustness

    /// All that a process says, and how it ends.
    private func output(_ process: any SandboxProcess) async throws -> (text: String, count: Int, status: SandstormCore.ExitStatus?) {
        var text = ByteBuffer()
        var count = 0
        var status: SandstormCore.ExitStatus?
        for try await event in process.events {
            switch event {
            case .stdout(var bytes), .stderr(var bytes):
                count += bytes.readableBytes
                if text.readableBytes < 1 << 20 { text.writeBuffer(&bytes) }
            case .exited(let exit): status = exit
            case .started: break
            }
        }
        return (String(buffer: text), count, status)
    }

    @Test("ten thousand processes leave nothing behind", .timeLimit(.minutes(5)))
    func tenThousand() async throws {
        try await RealAgent.run { agent in
            @Sendable func counts() async throws -> [Int] {
                let script = "ls /proc/\(agent.pid)/fd | wc -l; cat /proc/\(agent.pid)/task/\(agent.pid)/children | wc -w"
                return try await agent.shell(script).split(separator: "\n").compactMap { Int($0) }
            }
            func resident() async throws -> Int {
                Int(try await agent.shell("grep VmRSS /proc/\(agent.pid)/status").filter(\.isNumber)) ?? 0
            }
            let before = try await counts()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        for _ in 0..<250 {
                            _ = try await self.output(agent.connection.start(Command(["/bin/true"], workingDirectory: "/")))
                        }
                    }
                }
                try await group.waitForAll()
            }
            let middle = try await resident()
            for _ in 0..<5000 { _ = try await output(agent.connection.start(Command(["/bin/true"], workingDirectory: "/"))) }
            #expect(try await resident() - middle < 4096, "KiB of the agent's memory")
            // Counting takes a process itself, whose ends may be open for a moment longer.
            let isClean = try await eventually { zip(try await counts(), before).allSatisfy { $0 <= $1 + 2 } }
            let after = try await counts()
            #expect(isClean, "descriptors and children: \(before) before, \(after) after")
        }
    }

    @Test("a hundred processes at once, each with its own output")
    func manyAtOnce() async throws {
        try await RealAgent.run { agent in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<100 {
                    group.addTask {
                        let process = try await agent.connection.start(
                            Command(["/bin/sh", "-c", "read x; echo $x; exit \(number)"], workingDirectory: "/"))
                        try await process.write(ByteBuffer(string: "line \(number)\n"))
                        let (text, _, status) = try await self.output(process)
                        #expect(text == "line \(number)\n")
                        #expect(status?.outcome == .code(Int32(number)))
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test("100 MiB of output arrive whole")
    func largeOutput() async throws {
        try await RealAgent.run { agent in
            let process = try await agent.connection.start(Command(["head", "-c", "104857600", "/dev/zero"], workingDirectory: "/"))
            let (_, count, status) = try await output(process)
            #expect(count == 104_857_600)
            #expect(status?.outcome == .code(0))
        }
    }

    @Test("a process that never reads its input holds up its writer only")
    func unreadInput() async throws {
        try await RealAgent.run { agent in
            let process = try await agent.connection.start(Command(["sleep", "1000"], workingDirectory: "/"))
            let writing = Task { try await process.write(ByteBuffer(repeating: 0, count: 1 << 20)) }
            #expect(try await agent.shell("echo alive") == "alive\n")
            try await process.signal(.kill)
            try await writing.value
            #expect(try await output(process).status?.outcome == .signal(.kill))
        }
    }

    @Test("a process without an end of its input gets one")
    func halfClose() async throws {
        try await RealAgent.run { agent in
            let process = try await agent.connection.start(Command(["/bin/sh", "-c", "cat; echo end"], workingDirectory: "/"))
            try await process.write(ByteBuffer(string: "x"))
            try await process.closeInput()
            #expect(try await output(process).text == "xend\n")
        }
    }

    @Test("a terminal's size changes, and its process is told")
    func resize() async throws {
        try await RealAgent.run { agent in
            let script = "trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.05; done"
            let process = try await agent.connection.start(
                Command(["/bin/sh", "-c", script], workingDirectory: "/", terminal: TerminalSize(columns: 80, rows: 24)))
            var iterator = process.events.makeAsyncIterator()
            while let event = try await iterator.next() {
                if case .stdout(let bytes) = event, String(buffer: bytes).contains("ready") { break }
            }
            try await process.resize(columns: 132, rows: 50)
            #expect(try await output(process).text.contains("50 132"))
        }
    }

    @Test("signals reach the process or its group")
    func signals() async throws {
        try await RealAgent.run { agent in
            // The child keeps the output open, and says which of the two got the signal.
            let script =
                "(trap 'echo child; exit' USR1; echo ready; while :; do sleep 0.05; done) & trap 'echo parent' USR1; wait; wait; echo over"
            for (target, expected) in [(SignalTarget.group, ["child", "parent"]), (.process, ["parent"])] {
                let process = try await agent.connection.start(Command(["/bin/sh", "-c", script], workingDirectory: "/"))
                var text = ""
                for try await event in process.events {
                    guard case .stdout(let bytes) = event else { continue }
                    let isReady = text.contains("ready")
                    text += String(buffer: bytes)
                    if !isReady, text.contains("ready") { try await process.signal(Signal(rawValue: 10), to: target) }
                    if text.contains("parent"), target == .process { try await process.signal(.kill) }
                }
                let lines = text.split(separator: "\n").map(String.init).filter { $0 != "ready" && $0 != "over" }
                #expect(lines.sorted() == expected)
            }
        }
    }

    @Test("what leaves its parent is reaped, and dies with the agent")
    func daemons() async throws {
        let left = Locked<pid_t>(0)
        try await RealAgent.run { agent in
            let children = "cat /proc/\(agent.pid)/task/\(agent.pid)/children | wc -w"
            for _ in 0..<20 { try await agent.shell("(setsid sh -c 'sleep 0.05' >/dev/null 2>&1 &) ") }
            #expect(try await eventually { try await agent.shell(children) == "1\n" }, "only the shell that counts is left")
            let text = try await agent.shell("(setsid sleep 1000 >/dev/null 2>&1 & echo $!)")
            let daemon = try #require(pid_t(text.filter(\.isNumber)))
            #expect(kill(daemon, 0) == 0)
            left.withLock { $0 = daemon }
        }
        let survivor = left.withLock(\.self)
        #expect(await eventually { kill(survivor, 0) != 0 })
    }

    @Test("frames that make no sense do not crash the agent", arguments: [0, 1, 2, .random(in: .min ... .max)] as [UInt64])
    func fuzz(seed: UInt64) async throws {
        var generator = SeededGenerator(seed: seed)
        // Nothing that would act on a path of this machine: what has one names a place that is not there.
        let path = Array("/nowhere/sandstorm-test".utf8)
        let requests: [AgentMessage] = [
            .statFile(AgentPathRequest(path)), .listFiles(AgentListFiles(path: path, depth: 3)), .removeFile(AgentPathRequest(path)),
            .moveFile(AgentMoveFile(source: path, destination: path, replaces: false)), .archiveFiles(AgentPathRequest(path)),
            .watchFiles(AgentPathRequest("/usr", flags: .recursive)), .listFiles(AgentListFiles(path: "/usr", depth: 9)),
            .archiveFiles(AgentPathRequest("/usr/bin")), .readFile(AgentGetFile(path: "/bin/sh")), .connect(port: 1), .connect(port: 0),
            .start(AgentStart(arguments: ["/bin/true"])), .start(AgentStart(arguments: ["/bin/cat"], user: "nobody-knows")),
        ]
        let answers: [AgentMessage] = [
            .data([1, 2, 3]), .credit(bytes: 1), .credit(bytes: .max), .end, .cancel, .done, .ready, .present, .closeStdin, .stdin([1]),
            .unknown(kind: 0x50, payload: [1]), .signal(number: 9, target: .group),
        ]
        for _ in 0..<10 {
            let (socket, pid) = try RealAgent.start()
            var bytes: [UInt8] = []
            var channel: UInt32 = 0
            for _ in 0..<200 {
                if channel == 0 || Int.random(in: 0..<3, using: &generator) == 0 {
                    channel += 1
                    try AgentFrame(channel: channel, message: requests.randomElement(using: &generator) ?? .end).encode(into: &bytes)
                } else {
                    let id = UInt32.random(in: 1...channel, using: &generator)
                    try AgentFrame(channel: id, message: answers.randomElement(using: &generator) ?? .end).encode(into: &bytes)
                }
            }
            let count = bytes.count
            let sent = bytes.withUnsafeBytes { send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            #expect(sent == count)
            shutdown(socket, Int32(SHUT_WR))
            close(socket)
            let status = Locked<Int32?>(nil)
            Thread.detachNewThread {
                var result: Int32 = 0
                while waitpid(pid, &result, 0) < 0, errno == EINTR {}
                status.withLock { $0 = result }
            }
            let hasLeft = await eventually { status.withLock { $0 != nil } }
            #expect(hasLeft, "seed \(seed): the agent hangs")
            let result = status.withLock(\.self) ?? -1
            #expect(result & 0x7f == 0, "seed \(seed): a signal ended the agent")
        }
    }
}
#endif
