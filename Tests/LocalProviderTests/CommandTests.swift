#if os(Linux)
import NIOCore
import SandstormCore
import Testing

@testable import LocalProvider

@Suite("Commands in a local sandbox", .enabled(if: Machine.canRun, Machine.why))
struct CommandTests {
    @Test("output, errors and the exit code come back")
    func echo() async throws {
        try await Playground.run { playground in
            let sandbox = try await playground.sandbox()
            let result = try await sandbox.sh("echo hello; echo oops >&2")
            #expect(result.stdout == "hello\n")
            #expect(result.stderr == "oops\n")
            #expect(result.code == 0)
            #expect(try await sandbox.sh("exit 7").code == 7)
            #expect(try await sandbox.sh("kill -TERM $$").status?.outcome == .signal(.terminate))
            #expect(try await sandbox.sh("kill -KILL $$").status?.outcome == .signal(.kill))
        }
    }

    @Test("the first event is the start, the last the exit")
    func eventOrder() async throws {
        try await Playground.run { playground in
            let process = try await playground.sandbox().start(Command(["echo", "x"]))
            var events: [ProcessEvent] = []
            for try await event in process.events { events.append(event) }
            guard case .started(let pid)? = events.first, case .exited? = events.last else {
                Issue.record("\(events)")
                return
            }
            #expect(pid > 1)
            #expect(events.count == 3)
        }
    }

    @Test("standard input arrives, and its end")
    func input() async throws {
        try await Playground.run { playground in
            let process = try await playground.sandbox().start(Command(["cat"]))
            // More than all buffers on the way hold together, so that writing and reading have to go on at the same time.
            let line = String(repeating: "0123456789abcdef", count: 4096)
            async let transcript = process.transcript()
            for _ in 0..<64 { try await process.write(ByteBuffer(string: line)) }
            try await process.closeInput()
            let result = try await transcript
            #expect(result.stdout == String(repeating: line, count: 64))
            #expect(result.code == 0)
        }
    }

    @Test("input that nobody reads is no error")
    func unreadInput() async throws {
        try await Playground.run { playground in
            let process = try await playground.sandbox().start(Command(["true"]))
            for _ in 0..<64 { try await process.write(ByteBuffer(repeating: 0, count: 65_536)) }
            try await process.closeInput()
            #expect(try await process.transcript().code == 0)
        }
    }

    @Test("output streams while the process runs")
    func streaming() async throws {
        try await Playground.run { playground in
            let process = try await playground.sandbox().start(Command(["/bin/sh", "-c", "echo first; read line; echo got $line"]))
            var seen = ""
            var answered = false
            for try await event in process.events {
                if case .stdout(let bytes) = event { seen += String(buffer: bytes) }
                if seen == "first\n", !answered {
                    answered = true
                    try await process.write(ByteBuffer(string: "you\n"))
                }
            }
            #expect(seen == "first\ngot you\n")
        }
    }

    @Test("100 MiB of output arrive intact, in little memory")
    func largeOutput() async throws {
        try await Playground.run { playground in
            let size = 100 << 20
            let process = try await playground.sandbox().start(Command(["/bin/sh", "-c", "yes 0123456789abcde | head -c \(size)"]))
            let pattern = Array(String(repeating: "0123456789abcde\n", count: 8192).utf8)
            let before = residentMiB()
            var peak = before
            var count = 0
            var isIntact = true
            for try await event in process.events {
                guard case .stdout(let bytes) = event else { continue }
                let offset = count % 16
                bytes.withUnsafeReadableBytes { bytes in
                    pattern.withUnsafeBytes { pattern in
                        isIntact =
                            isIntact && bytes.count + offset <= pattern.count && bytes.elementsEqual(pattern[offset..<offset + bytes.count])
                    }
                }
                count += bytes.readableBytes
                peak = max(peak, residentMiB())
            }
            #expect(count == size)
            #expect(isIntact)
            // Other tests run in the same process.
            #expect(peak - before < 80)
        }
    }

    @Test("a process whose output nobody reads has to wait")
    func backPressure() async throws {
        try await Playground.run { playground in
            let sandbox = try await playground.sandbox()
            let loop = "i=0; while :; do head -c 65536 /dev/zero; i=$((i+1)); echo $i > n.tmp; mv n.tmp n; done"
            let process = try await sandbox.start(Command(["/bin/sh", "-c", loop]))
            func pieces() async throws -> Int {
                let text = try? await sandbox.files.read("n", upTo: 100)
                return text.flatMap { Int(String(buffer: $0).dropLast()) } ?? 0
            }
            var last = -1
            var stalls = 0
            let stalled = try await eventually(within: .seconds(240)) {
                let now = try await pieces()
                stalls = now == last && now > 0 ? stalls + 1 : 0
                last = now
                return stalls > 25
            }
            #expect(stalled)
            // The window, a pipe, and what is on its way.
            #expect(last * 65_536 < 2 << 20)
            var iterator = process.events.makeAsyncIterator()
            var count = 0
            while count < 4 << 20, let event = try await iterator.next() {
                if case .stdout(let bytes) = event { count += bytes.readableBytes }
            }
            #expect(try await eventually { try await pieces() > last })
        }
    }

    @Test("a missing program is told from a failing one")
    func missingProgram() async throws {
        try await Playground.run { playground in
            let sandbox = try await playground.sandbox()
            let error = await providerError { _ = try await sandbox.start(Command(["no-such-program"])) }
            #expect(error?.code == .invalid)
            #expect(error?.missingProgram == "no-such-program")
            let directory = await providerError { _ = try await sandbox.start(Command(["true"], workingDirectory: "/nowhere")) }
            #expect(directory?.code == .invalid)
            #expect(directory?.missingProgram == nil)
        }
    }

    @Test("the environment is the command's and three defaults")
    func environment() async throws {
        try await Playground.run { playground in
            let sandbox = try await playground.sandbox()
            let lines = try await sandbox.start(Command(["/usr/bin/env"], environment: ["A": "b c"])).transcript().stdout
            #expect(
                Set(lines.split(separator: "\n"))
                    == ["A=b c", "HOME=/home/user", "LANG=C.UTF-8", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"])
            #expect(try await sandbox.sh("pwd; cd; pwd; ls -A . /workspace").stdout == "/workspace\n/home/user\n.:\n\n/workspace:\n")
        }
    }

    @Test("files are written and read, nothing outside is")
    func files() async throws {
        try await Playground.run { playground in
            let sandbox = try await playground.sandbox()
            let content = ByteBuffer(bytes: (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
            try await sandbox.files.write("deep/er/file.bin", content, mode: 0o640)
            #expect(try await sandbox.files.read("/workspace/deep/er/file.bin", upTo: 3_000_000) == content)
            #expect(try await sandbox.sh("stat -c %a:%u deep/er/file.bin").stdout == "640:1000\n")
            #expect(await providerError { _ = try await sandbox.files.read("deep/er/file.bin", upTo: 2_999_999) }?.code == .invalid)
            #expect(await providerError { _ = try await sandbox.files.read("missing", upTo: 1) }?.code == .invalid)
            #expect(await providerError { _ = try await sandbox.files.read("deep", upTo: 1) }?.code == .invalid)
            #expect(await providerError { try await sandbox.files.write("/usr/x", content, mode: 0o644) }?.code == .invalid)
            try await sandbox.files.write("empty", ByteBuffer(), mode: 0o644)
            #expect(try await sandbox.files.read("empty", upTo: 0) == ByteBuffer())
        }
    }

    @Test("a terminal is one, of the size asked for")
    func terminal() async throws {
        try await Playground.run { playground in
            let command = Command(["/bin/sh", "-c", "tty; stty size; read x; stty size"], terminal: TerminalSize(columns: 80, rows: 24))
            let process = try await playground.sandbox().start(command)
            try await process.resize(columns: 132, rows: 43)
            try await process.write(ByteBuffer(string: "\n"))
            let lines = try await process.transcript().stdout.split(separator: "\r\n")
            #expect(lines.first?.hasPrefix("/dev/pts/") == true)
            #expect(lines.last == "43 132")
        }
    }

    @Test("a signal reaches what the process has started too")
    func signals() async throws {
        try await Playground.run { playground in
            let sandbox = try await playground.sandbox()
            let process = try await sandbox.start(Command(["/bin/sh", "-c", "sleep 1000 & wait"]))
            try await process.signal(.terminate)
            #expect(try await process.transcript().status?.outcome == .signal(.terminate))
            #expect(try await sandbox.sh("ps -e -o comm= | grep -c sleep").stdout == "0\n")
        }
    }

    @Test("a second consumer is refused, a cancelled wait ends")
    func consumers() async throws {
        try await Playground.run { playground in
            let process = try await playground.sandbox().start(Command(["sleep", "1000"]))
            let errors = await withTaskGroup(of: ProviderError?.self) { group in
                for _ in 0..<2 { group.addTask { await providerError { _ = try await process.transcript() } } }
                let first = await group.next() ?? nil
                group.cancelAll()
                return [first, await group.next() ?? nil]
            }
            #expect(errors.map(\.?.code) == [.invalid, .interrupted])
        }
    }

    private func residentMiB() -> Int {
        let pages = HostFile.text("/proc/self/statm")?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        return pages / 256
    }
}
#endif
