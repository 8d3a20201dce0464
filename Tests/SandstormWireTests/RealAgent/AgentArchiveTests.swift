#if os(Linux)
import Foundation
import NIOCore
import SandstormCore
import SandstormTestSupport
import Testing

@testable import SandstormWire

@Suite("Archives through the agent", .enabled(if: RealAgent.isBuilt, RealAgent.why))
struct AgentArchiveTests {
    /// A tar archive, byte by byte, with members that no honest program writes.
    private struct Tar {
        var bytes: [UInt8] = []

        func adding(
            _ name: String, _ content: String = "", type: Character = "0", target: String = "", size: String? = nil
        ) -> Tar {
            var header = [UInt8](repeating: 0, count: 512)
            func put(_ text: String, at offset: Int) { header.replaceSubrange(offset..<offset + text.utf8.count, with: text.utf8) }
            put(name, at: 0)
            put("0000644\0", at: 100)
            put("0000000\0", at: 108)
            put("0000000\0", at: 116)
            put(
                size ?? String(repeating: "0", count: 11 - String(content.utf8.count, radix: 8).count)
                    + String(content.utf8.count, radix: 8), at: 124)
            put("07346545000", at: 136)
            put("        ", at: 148)
            put(String(type), at: 156)
            put(target, at: 157)
            put("ustar\u{0}00", at: 257)
            let sum = String(header.reduce(0) { $0 + Int($1) }, radix: 8)
            put(String(repeating: "0", count: 6 - sum.count) + sum + "\0 ", at: 148)
            var copy = self
            copy.bytes += header + Array(content.utf8) + [UInt8](repeating: 0, count: (512 - content.utf8.count % 512) % 512)
            return copy
        }

        /// In pieces of a size that no field is made for.
        func stream(ended: Bool = true) -> ByteStream {
            let all = bytes + [UInt8](repeating: 0, count: ended ? 1024 : 0)
            let offset = Locked(0)
            return ByteStream { () async throws(ProviderError) in
                offset.withLock { offset in
                    guard offset < all.count else { return nil }
                    let end = min(all.count, offset + 333)
                    defer { offset = end }
                    return ByteBuffer(bytes: all[offset..<end])
                }
            }
        }
    }

    private static let hostile: [(String, Tar)] = [
        ("absolute name", Tar().adding("/tmp/sandstorm-hostile", "x")),
        ("parent", Tar().adding("../hostile", "x")),
        ("parent within", Tar().adding("a/../../hostile", "x")),
        ("through its own link", Tar().adding("link", type: "2", target: "../outside").adding("link/hostile", "x")),
        ("through a link to itself", Tar().adding("a/link", type: "2", target: ".").adding("a/link/hostile", "x")),
        ("directory through a link", Tar().adding("link", type: "2", target: "../outside").adding("link/sub/", type: "5")),
        ("through a link that was there", Tar().adding("there/hostile", "x")),
        ("hard link outward", Tar().adding("hard", type: "1", target: "../outside/secret")),
        ("absolute hard link", Tar().adding("hard", type: "1", target: "/etc/passwd")),
        (
            "hard link through a link",
            Tar().adding("link", type: "2", target: "../outside").adding("hard", type: "1", target: "link/secret")
        ),
        ("hard link to nothing", Tar().adding("hard", type: "1", target: "none")),
        ("character device", Tar().adding("device", type: "3")),
        ("block device", Tar().adding("device", type: "4")),
        ("fifo", Tar().adding("fifo", type: "6")),
        ("unknown type", Tar().adding("sparse", type: "S")),
        ("no name", Tar().adding("", "x")),
        ("file called .", Tar().adding(".", "x")),
        ("pax path outward", Tar().adding("pax", "21 path=../../hostile\n", type: "x").adding("f", "x")),
        ("pax path with a NUL", Tar().adding("pax", "13 path=a\0b\u{0}\n", type: "x").adding("f", "x")),
        ("damaged pax", Tar().adding("pax", "99 path=x\n", type: "x").adding("f", "x")),
        ("pax of length 0", Tar().adding("pax", "0 path=x\n", type: "x").adding("f", "x")),
        ("huge pax", Tar().adding("pax", "", type: "x", size: "77777777777")),
        ("gnu name outward", Tar().adding("././@LongLink", "../hostile\0", type: "L").adding("f", "x")),
        ("no size", Tar().adding("f", "", size: "9zzzzzzzzzz")),
        ("garbage", Tar(bytes: (0..<2000).map { UInt8(truncatingIfNeeded: $0 &* 7) })),
        ("text", Tar(bytes: Array(String(repeating: "this is no archive\n", count: 100).utf8))),
    ]

    @Test("hostile members are refused, and nothing comes to be outside")
    func hostile() async throws {
        try await RealAgent.run { agent in
            for (name, tar) in Self.hostile {
                try await agent.shell("rm -rf target; mkdir -p outside target; echo secret > outside/secret; ln -s ../outside target/there")
                #expect(await problem { try await agent.files.extract(tar.stream(), into: agent.path("target")) } == .badArchive, "\(name)")
                #expect(try await agent.names() == ["outside", "target"], "\(name)")
                #expect(try await agent.names("outside") == ["secret"], "\(name)")
                #expect(try await agent.names("target", depth: 9).contains { $0.hasSuffix(".tmp") } == false, "\(name)")
            }
        }
    }

    @Test("an archive that is cut is none, wherever it is cut")
    func truncated() async throws {
        try await RealAgent.run { agent in
            let whole = Tar().adding("a/f", String(repeating: "x", count: 700)).adding("g", "y").bytes
            for length in stride(from: 0, through: whole.count, by: 256) {
                let cut = Tar(bytes: Array(whole[..<length]))
                #expect(
                    await problem { try await agent.files.extract(cut.stream(ended: false), into: agent.path("t")) } == .badArchive,
                    "\(length)")
            }
            #expect(try await agent.names("t", depth: 9).contains { $0.hasSuffix(".tmp") } == false)
            try await agent.files.extract(Tar(bytes: whole).stream(), into: agent.path("new/t"))
            #expect(try await agent.names("new/t", depth: 9) == ["a", "a/f", "g"])
        }
    }

    @Test("what is archived can be unpacked again, by us and by tar")
    func roundTrip() async throws {
        try await RealAgent.run { agent in
            let long = String(repeating: "very-long-name-", count: 12)
            try await agent.shell(
                """
                mkdir -p tree/\(long)/\(long) tree/empty tree/closed; cd tree
                echo deep > \(long)/\(long)/f; head -c 1000000 /dev/urandom > random; : > zero; touch "new
                line" -- "-dash" "ünï ✓"
                ln -s \(long)/\(long)/f link; ln -s /nowhere/\(long)/\(long) broken; mkfifo fifo
                echo x > closed/f; chmod 750 random; chmod 555 closed; touch -d @1000000000 random closed
                """)
            let archive = try await agent.files.archive(agent.path("tree")).collect(upTo: 1 << 24)
            try await agent.files.extract(ByteStream(archive), into: agent.path("ours"))
            try await agent.files.write(agent.path("a.tar"), archive, mode: 0o644)
            try await agent.shell(
                "mkdir theirs; tar -xpf a.tar -C theirs; rm tree/fifo; diff -r --no-dereference tree ours; diff -r --no-dereference tree theirs"
            )
            for copy in ["ours", "theirs"] {
                let entries = try await agent.files.list(agent.path(copy), depth: 9)
                #expect(entries.count == 13)
                let byName = Dictionary(entries.map { ($0.name, $0) }) { first, _ in first }
                #expect(byName["random"]?.mode == 0o750)
                #expect(byName["random"]?.modifiedAt == Date(timeIntervalSince1970: 1_000_000_000))
                #expect(byName["closed"]?.mode == 0o555)
                #expect(byName["closed"]?.modifiedAt == Date(timeIntervalSince1970: 1_000_000_000))
                #expect(byName["broken"]?.linkTarget == "/nowhere/\(long)/\(long)")
            }
            // A second time over what is there; a file that is asked for alone.
            try await agent.shell("chmod 755 ours/closed")
            try await agent.files.extract(ByteStream(archive), into: agent.path("ours"))
            let single = try await agent.files.archive(agent.path("tree/zero")).collect(upTo: 1 << 20)
            try await agent.files.extract(ByteStream(single), into: agent.path("single"))
            #expect(try await agent.names("single") == ["zero"])
            #expect(await problem { _ = try await agent.files.archive(agent.path("none")) } == .notFound)
            #expect(await problem { try await agent.files.extract(ByteStream(archive), into: agent.path("a.tar")) } == .notDirectory)
        }
    }

    @Test("archives of GNU's and of ustar's kind are unpacked", arguments: ["gnu", "ustar", "v7", "pax"])
    func foreignFormats(format: String) async throws {
        try await RealAgent.run { agent in
            let part = String(repeating: "p", count: 45)
            // What ustar can split into two fields, and, for the others, what it can't.
            let name =
                format == "v7" ? "short" : format == "ustar" ? "\(part)/\(part)/\(part)" : "\(part)/\(part)/\(part)/\(part)\(part)\(part)"
            try await agent.shell(
                """
                mkdir -p "tree/$(dirname '\(name)')"; echo x > 'tree/\(name)'; echo y > tree/linked; ln tree/linked tree/hard; ln -s hard tree/soft
                tar --format=\(format) -cf a.tar -C tree .
                """)
            let archive = try await agent.files.read(agent.path("a.tar"), upTo: 1 << 20)
            try await agent.files.extract(ByteStream(archive), into: agent.path("out"))
            try await agent.shell("diff -r --no-dereference tree out; [ out/hard -ef out/linked ]")
        }
    }

    @Test("a file of more than 8 GiB keeps its size")
    func largeMember() async throws {
        try await RealAgent.run { agent in
            try await agent.shell("truncate -s 9G sparse")
            let archive = try await agent.files.archive(agent.path("sparse"))
            var iterator = archive.makeAsyncIterator()
            var head = ByteBuffer()
            while head.readableBytes < 2048, var piece = try await iterator.next() { head.writeBuffer(&piece) }
            #expect(String(buffer: head).contains("size=9663676416\n"))
        }
    }

    @Test("giving an unpacking up leaves no half file")
    func cancelled() async throws {
        try await RealAgent.run { agent in
            let archive = Tar().adding("whole", "x").adding("half", "", size: "00777777777").bytes
            let isFirst = Locked(true)
            let endless = ByteStream { () async throws(ProviderError) in
                let first = isFirst.withLock { isFirst in
                    defer { isFirst = false }
                    return isFirst
                }
                return first ? ByteBuffer(bytes: archive) : ByteBuffer(repeating: 1, count: 1000)
            }
            let unpacking = Task { try await agent.files.extract(endless, into: agent.path("out")) }
            let began = await eventually {
                // Until it is there, the directory can't be listed.
                guard let names = try? await agent.names("out") else { return false }
                return names.count == 2
            }
            #expect(began)
            unpacking.cancel()
            await #expect(throws: ProviderError.self) { try await unpacking.value }
            let names = try await agent.names("out")
            #expect(names == ["whole"])
        }
    }
}
#endif
