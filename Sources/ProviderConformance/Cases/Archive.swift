import NIOCore
import SandstormCore
import Testing

extension ConformanceCase {
    static let archive: [ConformanceCase] = [
        ConformanceCase(.archive, "a tree comes back from its archive as it was") { c in
            let sandbox = try await c.sandbox()
            _ = try await c.shell(
                sandbox,
                "mkdir -p from/deep/empty; echo one > from/one; echo two > 'from/deep/two ü'; chmod 750 from/one; ln -s one from/link; : > from/zero"
            )
            let archive = try await sandbox.files.archive(c.path("from"))
            try await sandbox.files.extract(archive, into: c.path("to/here"))
            let look = "find . | sort; cat one link 'deep/two ü'; ls -l one | cut -c1-10; ls -ld link | cut -c1"
            let (before, after) = (try await c.shell(sandbox, "cd from; \(look)"), try await c.shell(sandbox, "cd to/here; \(look)"))
            c.expect("the tree", after.stdout, is: before.stdout)
        },
        ConformanceCase(.archive, "the sandbox's own tar reads the archive") { c in
            let sandbox = try await c.sandbox()
            _ = try await c.shell(sandbox, "mkdir -p from/sub; echo x > from/sub/file")
            let archive = try await sandbox.files.archive(c.path("from")).collect(upTo: 10 << 20)
            try await sandbox.files.write(c.path("a.tar"), archive, mode: 0o644)
            let names = try await c.shell(sandbox, "mkdir out; cd out && tar xf ../a.tar && cat sub/file")
            c.expect("what was in it", names.stdout, is: "x\n")
        },
        ConformanceCase(.archive, "an archive of the sandbox's own tar is unpacked") { c in
            let sandbox = try await c.sandbox()
            let long = String(repeating: "long-name-", count: 15)
            _ = try await c.shell(sandbox, "mkdir -p from/\(long); echo x > from/\(long)/file; cd from && tar cf ../a.tar .")
            let archive = try await sandbox.files.read(c.path("a.tar"), upTo: 10 << 20)
            try await sandbox.files.extract(ByteStream(archive), into: c.path("to"))
            c.expect("what was in it", try await c.shell(sandbox, "cat to/\(long)/file").stdout, is: "x\n")
        },
        ConformanceCase(.archive, "an archive that comes in small pieces is unpacked") { c in
            let sandbox = try await c.sandbox()
            var tar = TarFile()
            tar.add("directory/", .directory, mode: 0o755)
            tar.add("directory/file", content: String(repeating: "content\n", count: 1000))
            let rest = Locked(tar.finished)
            let pieces = ByteStream { () async throws(ProviderError) in
                rest.withLock { $0.readSlice(length: min(700, $0.readableBytes)).flatMap { $0.readableBytes > 0 ? $0 : nil } }
            }
            try await sandbox.files.extract(pieces, into: c.path("to"))
            c.expect("its size", try await c.shell(sandbox, "wc -c < to/directory/file").stdout.filter(\.isNumber), is: "8000")
        },
        ConformanceCase(.archive, "a large tree comes whole") { c in
            let sandbox = try await c.sandbox()
            _ = try await c.shell(
                sandbox,
                "mkdir from; cd from; i=0; while [ $i -lt 500 ]; do echo $i > f$i; i=$((i+1)); done; head -c 8388608 /dev/zero > big")
            try await sandbox.files.extract(try await sandbox.files.archive(c.path("from")), into: c.path("to"))
            let seen = try await c.shell(sandbox, "ls to | wc -l; cat to/f499; wc -c < to/big").stdout
            c.expect(
                "files, one of them, and the size of another", seen.split(whereSeparator: \.isWhitespace).joined(separator: " "),
                is: "501 499 8388608")
        },
        ConformanceCase(.archive, "a single file can be archived") { c in
            let sandbox = try await c.sandbox()
            _ = try await c.shell(sandbox, "echo alone > file")
            try await sandbox.files.extract(try await sandbox.files.archive(c.path("file")), into: c.path("to"))
            c.expect("what was in it", try await c.shell(sandbox, "cat to/file").stdout, is: "alone\n")
        },
        ConformanceCase(.archive, "members that lead outside are refused") { c in
            let sandbox = try await c.sandbox()
            var climbing = TarFile()
            climbing.add("good", content: "good")
            climbing.add("../escaped", content: "bad")
            var deep = TarFile()
            deep.add("a/../../escaped", content: "bad")
            var linked = TarFile()
            linked.add("way", .symbolicLink, target: "..")
            linked.add("way/escaped", content: "bad")
            var hard = TarFile()
            hard.add("hard", .hardLink, target: "../victim")
            for (name, tar) in [("..", climbing), ("a/../..", deep), ("a link", linked), ("a hard link", hard)] {
                _ = try await c.shell(sandbox, "rm -rf to escaped; echo safe > victim")
                await c.refusal("unpacking through \(name)", .invalid, file: [.badArchive]) {
                    try await sandbox.files.extract(ByteStream(tar.finished), into: c.path("to"))
                }
                c.expect("whether something came out", try await c.shell(sandbox, "test -e escaped; echo $?").stdout, is: "1\n")
            }
        },
        ConformanceCase(.archive, "absolute members are refused, or kept inside") { c in
            let sandbox = try await c.sandbox()
            var tar = TarFile()
            let name = "escaped-\(UInt32.random(in: .min ... .max))"
            tar.add("/tmp/\(name)", content: "bad")
            try? await sandbox.files.extract(ByteStream(tar.finished), into: c.path("to"))
            c.expect("whether it came out", try await c.shell(sandbox, "test -e /tmp/\(name); echo $?").stdout, is: "1\n")
        },
        ConformanceCase(.archive, "what is no archive is refused") { c in
            let sandbox = try await c.sandbox()
            for bytes in [
                ByteBuffer(string: String(repeating: "no archive at all ", count: 1000)), ByteBuffer(repeating: 0xFF, count: 4096),
            ] {
                await c.refusal("unpacking garbage", .invalid, file: [.badArchive]) {
                    try await sandbox.files.extract(ByteStream(bytes), into: c.path("to"))
                }
            }
            var cut = TarFile()
            cut.add("file", content: String(repeating: "x", count: 5000))
            await c.refusal("unpacking what is cut", .invalid, file: [.badArchive]) {
                try await sandbox.files.extract(ByteStream(ByteBuffer(cut.bytes.readableBytesView.prefix(2000))), into: c.path("to"))
            }
        },
        ConformanceCase(.archive, "what is not there can't be archived") { c in
            let sandbox = try await c.sandbox()
            await c.refusal("archiving", .invalid, file: [.notFound]) {
                // Some places can say it only once they are asked for the first byte.
                _ = try await sandbox.files.archive(c.path("missing")).collect(upTo: 1 << 20)
            }
        },
    ]
}
