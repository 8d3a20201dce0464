import NIOCore
import SandstormCore
import Testing

extension ConformanceCase {
    static let files: [ConformanceCase] = [
        ConformanceCase(.files, "what is written is read") { c in
            let sandbox = try await c.sandbox()
            for size in [0, 1, 4095, 65_536, 1_000_003] {
                let content = ByteBuffer(bytes: (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) })
                try await sandbox.files.write(c.path("file"), content, mode: 0o644)
                let back = try await sandbox.files.read(c.path("file"), upTo: size)
                c.expect(back == content, "a file of \(size) bytes came back with \(back.readableBytes), or with others")
            }
        },
        ConformanceCase(.files, "commands see what was written, and write what is read") { c in
            let sandbox = try await c.sandbox()
            try await sandbox.files.write(c.path("to"), ByteBuffer(string: "hello"), mode: 0o644)
            c.expect("what a command sees", try await c.shell(sandbox, "cat to; printf bye > from").stdout, is: "hello")
            c.expect("what is read", String(buffer: try await sandbox.files.read(c.path("from"), upTo: 100)), is: "bye")
        },
        ConformanceCase(.files, "relative paths mean the workspace") { c in
            let sandbox = try await c.sandbox()
            let relative = String(c.path("file").dropFirst(SandboxSpec.workspace.count + 1))
            try await sandbox.files.write(relative, ByteBuffer(string: "here"), mode: 0o644)
            c.expect("by its absolute path", String(buffer: try await sandbox.files.read(c.path("file"), upTo: 100)), is: "here")
            c.expect("by its relative path", String(buffer: try await sandbox.files.read(relative, upTo: 100)), is: "here")
        },
        ConformanceCase(.files, "missing parents are made") { c in
            let sandbox = try await c.sandbox()
            try await sandbox.files.write(c.path("a/b/c/file"), ByteBuffer(string: "deep"), mode: 0o644)
            c.expect("what a command sees", try await c.shell(sandbox, "cat a/b/c/file").stdout, is: "deep")
        },
        ConformanceCase(.files, "permissions are those asked for, whatever the umask") { c in
            let sandbox = try await c.sandbox()
            for mode: UInt16 in [0o644, 0o600, 0o755, 0o400, 0o666, 0o777] {
                let name = "mode-\(String(mode, radix: 8))"
                try await sandbox.files.write(c.path(name), ByteBuffer(string: "#!/bin/sh\necho ran\n"), mode: mode)
                let seen = try await c.shell(sandbox, "ls -l \(name)").stdout
                c.expect("the permissions of \(name)", String(seen.prefix(10).dropFirst()), is: Self.symbols(of: mode))
            }
            c.expect("what the executable one says", try await c.shell(sandbox, "./mode-755").stdout, is: "ran\n")
        },
        ConformanceCase(.files, "names may be nearly anything") { c in
            let sandbox = try await c.sandbox()
            let names = [
                "with space", "quote'and\"quote", "new\nline", "tab\there", "-rf", "*", "$HOME", "back\\slash", "grün", "🐘", "a;b&c|d",
                "%2e%2e", "#hash",
                "?q=1", ".hidden", "...", "日本語", String(repeating: "n", count: 255),
            ]
            for name in names {
                try await sandbox.files.write(c.path("odd/\(name)"), ByteBuffer(string: "in \(name)"), mode: 0o644)
                let back = try await sandbox.files.read(c.path("odd/\(name)"), upTo: 1000)
                c.expect("the content of \(name.debugDescription)", String(buffer: back), is: "in \(name)")
            }
            c.expect("entries", try await c.shell(sandbox, "set -- odd/* odd/.h* odd/...; echo $#").stdout, is: "\(names.count)\n")
            let listed = try await sandbox.files.list(c.path("odd"), depth: 1)
            c.expect("listed names", Set(listed.map(\.name)), is: Set(names))
        },
        ConformanceCase(.files, "a shorter content leaves nothing of the longer one") { c in
            let sandbox = try await c.sandbox()
            try await sandbox.files.write(c.path("file"), ByteBuffer(repeating: 0x61, count: 100_000), mode: 0o644)
            try await sandbox.files.write(c.path("file"), ByteBuffer(string: "short"), mode: 0o644)
            c.expect("the content", try await c.shell(sandbox, "cat file").stdout, is: "short")
        },
        ConformanceCase(.files, "a file is replaced at once: no reader sees half of it") { c in
            let sandbox = try await c.sandbox()
            let (ones, twos) = (ByteBuffer(repeating: 0x31, count: 300_000), ByteBuffer(repeating: 0x32, count: 300_000))
            try await sandbox.files.write(c.path("file"), ones, mode: 0o644)
            let writing = Task {
                for round in 0..<8 { try await sandbox.files.write(c.path("file"), round % 2 == 0 ? twos : ones, mode: 0o644) }
            }
            for _ in 0..<8 {
                let seen = try await sandbox.files.read(c.path("file"), upTo: 300_000)
                c.expect(seen == ones || seen == twos, "a reader saw \(seen.readableBytes) bytes, or a mixture")
            }
            try await writing.value
        },
        ConformanceCase(.files, "writes to one file at once leave one of them") { c in
            let sandbox = try await c.sandbox()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for letter in UInt8(ascii: "a")...UInt8(ascii: "h") {
                    group.addTask {
                        try await sandbox.files.write(c.path("file"), ByteBuffer(repeating: letter, count: 200_000), mode: 0o644)
                    }
                }
                try await group.waitForAll()
            }
            let content = try await sandbox.files.read(c.path("file"), upTo: 1_000_000)
            c.expect("its size", content.readableBytes, is: 200_000)
            c.expect("different bytes in it", Set(content.readableBytesView).count, is: 1)
            c.expect("files in the directory", try await c.shell(sandbox, "ls -A").stdout, is: "file\n")
        },
        ConformanceCase(.files, "a large file streams in and out") { c in
            let sandbox = try await c.sandbox()
            let size = c.budget.largeTransfer
            let piece = ByteBuffer(string: String(repeating: "0123456789abcde\n", count: 8192))
            let rest = Locked(size)
            let content = ByteStream { () async throws(ProviderError) in
                rest.withLock { rest in
                    guard rest > 0 else { return nil }
                    let count = min(rest, piece.readableBytes)
                    rest -= count
                    return piece.getSlice(at: 0, length: count)
                }
            }
            try await sandbox.files.write(c.path("large"), from: content, mode: 0o640)
            c.expect("its size for a command", try await c.shell(sandbox, "wc -c < large").stdout.filter(\.isNumber), is: "\(size)")
            let file = try await sandbox.files.open(c.path("large"), range: nil)
            c.expect("its size when opened", file.info.size, is: Int64(size))
            var pattern = Pattern("0123456789abcde\n")
            for try await bytes in file.bytes { pattern.take(bytes) }
            c.expect("bytes that came out", pattern.count, is: size)
            c.expect(pattern.isIntact, "the bytes are not those that were written")
            _ = try await c.shell(sandbox, "rm -f large")
        },
        ConformanceCase(.files, "a part of a file is read by its range") { c in
            let sandbox = try await c.sandbox()
            try await sandbox.files.write(c.path("digits"), ByteBuffer(string: "0123456789"), mode: 0o644)
            for (range, wanted): (Range<Int64>, String) in [
                (0..<3, "012"), (4..<5, "4"), (7..<10, "789"), (8..<100, "89"), (10..<20, ""), (50..<60, ""),
            ] {
                let file = try await sandbox.files.open(c.path("digits"), range: range)
                c.expect("bytes \(range)", String(buffer: try await file.bytes.collect(upTo: 100)), is: wanted)
                c.expect("the whole size", file.info.size, is: 10)
            }
        },
        ConformanceCase(.files, "what is far inside a huge file can be read") { c in
            let sandbox = try await c.sandbox()
            let made = try await c.shell(sandbox, "truncate -s 5G huge && printf end >> huge")
            try c.require(made.code == 0, "a sparse file could not be made: \(made)")
            let size: Int64 = 5 << 30 + 3
            c.expect("its size", try await sandbox.files.info(c.path("huge"), followingLinks: true).size, is: size)
            let file = try await sandbox.files.open(c.path("huge"), range: size - 3..<size)
            c.expect("its end", String(buffer: try await file.bytes.collect(upTo: 100)), is: "end")
            _ = try await c.shell(sandbox, "rm -f huge")
        },
        ConformanceCase(.files, "a streamed write that fails leaves what was there") { c in
            let sandbox = try await c.sandbox()
            try await sandbox.files.write(c.path("file"), ByteBuffer(string: "old"), mode: 0o644)
            for name in ["file", "new"] {
                let turn = Locked(0)
                let content = ByteStream { () async throws(ProviderError) in
                    let number = turn.withLock { turn in
                        turn += 1
                        return turn
                    }
                    if number > 5 { throw ProviderError(.interrupted, "the writer has gone") }
                    return ByteBuffer(repeating: 0x78, count: 65_536)
                }
                await c.refusal("a write whose content fails", .interrupted) {
                    try await sandbox.files.write(c.path(name), from: content, mode: 0o644)
                }
            }
            c.expect("the old content", try await c.shell(sandbox, "cat file").stdout, is: "old")
            try await c.eventually("something is left of what came") { try await c.shell(sandbox, "ls -A").stdout == "file\n" }
        },
        ConformanceCase(.files, "a streamed write that is cancelled leaves what was there") { c in
            let sandbox = try await c.sandbox()
            try await sandbox.files.write(c.path("file"), ByteBuffer(string: "old"), mode: 0o644)
            let (begun, signal) = AsyncStream<Void>.makeStream()
            let turn = Locked(0)
            let content = ByteStream { () async throws(ProviderError) in
                let number = turn.withLock { turn in
                    turn += 1
                    return turn
                }
                if number > 3 {
                    signal.yield()
                    do { try await Task.sleep(for: .seconds(3600)) } catch { throw ProviderError(.interrupted, "cancelled") }
                }
                return ByteBuffer(repeating: 0x78, count: 65_536)
            }
            let writing = Task { try await sandbox.files.write(c.path("file"), from: content, mode: 0o644) }
            for await _ in begun { break }
            writing.cancel()
            if case .success = await writing.result { c.expect(false, "the cancelled write succeeded") }
            c.expect("the old content", try await c.shell(sandbox, "cat file").stdout, is: "old")
            try await c.eventually("something is left of what came") { try await c.shell(sandbox, "ls -A").stdout == "file\n" }
        },
        ConformanceCase(.files, "a file larger than the limit is not read") { c in
            let sandbox = try await c.sandbox()
            try await sandbox.files.write(c.path("file"), ByteBuffer(repeating: 0, count: 1001), mode: 0o644)
            await c.refusal("reading 1,001 bytes with a limit of 1,000", .invalid, file: [.tooLarge]) {
                try await sandbox.files.read(c.path("file"), upTo: 1000)
            }
            c.expect("with a limit of 1,001", try await sandbox.files.read(c.path("file"), upTo: 1001).readableBytes, is: 1001)
        },
        ConformanceCase(.files, "a missing file is told as that") { c in
            let sandbox = try await c.sandbox()
            let path = c.path("missing")
            let error = await c.refusal("reading", .invalid, file: [.notFound]) { try await sandbox.files.read(path, upTo: 10) }
            c.expect("what is to be done about it", error?.disposition, is: .giveUp)
            await c.refusal("opening", .invalid, file: [.notFound]) { try await sandbox.files.open(path, range: nil).info }
            await c.refusal("asking about", .invalid, file: [.notFound]) { try await sandbox.files.info(path, followingLinks: true) }
            await c.refusal("listing", .invalid, file: [.notFound]) { try await sandbox.files.list(path, depth: 1) }
            await c.refusal("moving", .invalid, file: [.notFound]) {
                try await sandbox.files.move(path, to: c.path("other"), replacing: false)
            }
            await c.refusal("removing", .invalid, file: [.notFound]) { try await sandbox.files.remove(path, recursively: false) }
            await c.refusal("changing", .invalid, file: [.notFound]) {
                try await sandbox.files.setAttributes(FileAttributes(mode: 0o600), of: path)
            }
        },
        ConformanceCase(.files, "a directory is no file, and a file no directory") { c in
            let sandbox = try await c.sandbox()
            _ = try await c.shell(sandbox, "mkdir -p directory; echo x > file")
            await c.refusal("reading a directory", .invalid, file: [.isDirectory]) {
                try await sandbox.files.read(c.path("directory"), upTo: 10)
            }
            await c.refusal("opening a directory", .invalid, file: [.isDirectory]) {
                try await sandbox.files.open(c.path("directory"), range: nil).info
            }
            await c.refusal("writing to a directory", .invalid, file: [.isDirectory]) {
                try await sandbox.files.write(c.path("directory"), ByteBuffer(string: "x"), mode: 0o644)
            }
            await c.refusal("writing below a file", .invalid, file: [.notDirectory]) {
                try await sandbox.files.write(c.path("file/below"), ByteBuffer(string: "x"), mode: 0o644)
            }
            await c.refusal("reading below a file", .invalid, file: [.notDirectory, .notFound]) {
                try await sandbox.files.read(c.path("file/below"), upTo: 10)
            }
            await c.refusal("listing a file", .invalid, file: [.notDirectory]) { try await sandbox.files.list(c.path("file"), depth: 1) }
        },
        ConformanceCase(.files, "where nobody may write, nothing is written") { c in
            let sandbox = try await c.sandbox()
            await c.refusal("writing to /proc", .invalid, file: [.notPermitted, .notFound, .other]) {
                try await sandbox.files.write("/proc/sandstorm-conformance", ByteBuffer(string: "x"), mode: 0o644)
            }
        },
        ConformanceCase(.files, "a path that can't be one is refused") { c in
            let sandbox = try await c.sandbox()
            let paths = ["a\0b", String(repeating: "n", count: 256), String(repeating: "d/", count: 3000) + "file"]
            for path in paths {
                await c.refusal("reading \(path.prefix(20).debugDescription)", .invalid, file: [.badPath, .notFound]) {
                    try await sandbox.files.read(c.path(path), upTo: 10)
                }
                await c.refusal("writing \(path.prefix(20).debugDescription)", .invalid, file: [.badPath]) {
                    try await sandbox.files.write(c.path(path), ByteBuffer(string: "x"), mode: 0o644)
                }
            }
            c.expect("what was made", try await c.shell(sandbox, "ls -A").stdout, is: "")
        },
        ConformanceCase(.files, "links are followed by readers") { c in
            let sandbox = try await c.sandbox()
            _ = try await c.shell(sandbox, "echo target > file; ln -s file link; ln -s nowhere broken; ln -s loop loop")
            c.expect("through a link", String(buffer: try await sandbox.files.read(c.path("link"), upTo: 100)), is: "target\n")
            await c.refusal("through a broken link", .invalid, file: [.notFound]) {
                try await sandbox.files.read(c.path("broken"), upTo: 10)
            }
            await c.refusal("through a loop of links", .invalid, file: [.badPath]) {
                try await sandbox.files.read(c.path("loop"), upTo: 10)
            }
        },
        ConformanceCase(.files, "what is no regular file is not read for ever") { c in
            let sandbox = try await c.sandbox()
            _ = try await c.shell(sandbox, "mkfifo pipe")
            await c.refusal("reading a pipe", .invalid) { try await sandbox.files.read(c.path("pipe"), upTo: 10) }
            await c.refusal("reading a device", .invalid) { try await sandbox.files.read("/dev/zero", upTo: 1 << 20) }
        },
    ]

    private static func symbols(of mode: UInt16) -> String {
        (0..<9).map { bit in mode >> (8 - bit) & 1 == 1 ? ["r", "w", "x"][bit % 3] : "-" }.joined()
    }
}
