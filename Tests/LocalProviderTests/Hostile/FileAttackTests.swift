#if os(Linux)
import Glibc
import NIOCore
import SandstormCore
import Testing

@testable import LocalProvider

/// Files put into and taken out of a sandbox whose code plays tricks with paths meanwhile, and archives that point outside.
@Suite("Attacks through files", .enabled(if: Machine.canRun && Probe.isPossible, "needs python3"))
struct FileAttackTests {
    @Test("links that change under an upload, a download and an archive lead nowhere but into the sandbox", arguments: Occasion.all)
    func races(occasion: Occasion) async throws {
        let secret = "/tmp/sandstorm-test-secret-\(UInt64.random(in: .min ... .max))"
        try HostFile.makeDirectories(secret)
        try HostFile.create("\(secret)/file", Array("the machine's".utf8), mode: 0o666)
        chmod(secret, 0o777)
        defer { HostFile.removeTree(secret) }
        try await occasion.run { _, sandbox in
            let race = try await sandbox.start(
                Command(
                    [
                        "/usr/bin/python3", "-c",
                        """
                        import os
                        os.mkdir("real"); open("real/file", "w").write("the sandbox's")
                        targets = ["real", "\(secret)", "/proc/1/root\(secret)", "/etc", "../../../..\(secret)"]
                        print("up", flush=True)
                        n = 0
                        while True:
                            n += 1
                            os.symlink(targets[n % len(targets)], "new"); os.rename("new", "d")
                        """,
                    ], user: occasion.user))
            // As the same user: what is the attacker's to give away is not in question.
            let files = try sandbox.files(as: occasion.user)
            var events = race.events.makeAsyncIterator()
            while let event = try await events.next(isolation: nil) { if case .stdout = event { break } }
            for _ in 0..<60 {
                try? await files.write("d/file", ByteBuffer(string: "overwritten"), mode: 0o644)
                if let text = try? await files.read("d/file", upTo: 1000) { #expect(!String(buffer: text).contains("machine")) }
                if let text = try? await files.archive("d").collect(upTo: 1 << 20) {
                    #expect(!String(buffer: text).contains("the machine's"))
                }
                try? await files.remove("d/file", recursively: true)
                _ = try? await files.makeDirectory("d/made", mode: 0o755)
                try? await files.move("d/file", to: "d/moved", replacing: true)
            }
            #expect(HostFile.text("\(secret)/file") == "the machine's")
            #expect(HostFile.names(in: secret) == ["file"])
            #expect(HostFile.text("/etc/file") == nil)
        }
    }

    @Test(
        "an archive with a member that leads outside is refused, and nothing comes to be outside",
        arguments: TarMember.hostile, [nil] + Occasion.withRoot.prefix(1).map(\.user))
    func archives(member: TarMember, user: String?) async throws {
        try await Playground.run { playground in
            var spec = SandboxSpec(command: ["sh"])
            spec.rootAccess = user != nil
            let sandbox = try await playground.sandbox(spec)
            _ = try await sandbox.sh("mkdir -p in/deep /tmp/outside; echo before > /tmp/outside/file; echo mine > /workspace/mine")
            let archive = TarMember.archive([TarMember("good", content: "x")] + member.preparation + [member])
            let error = await providerError { try await sandbox.files(as: user).extract(Self.stream(archive), into: "in/deep") }
            #expect(error?.code == .invalid, "\(String(describing: error))")
            let listing = try await sandbox.sh(
                "cat /tmp/outside/file mine; ls -A /tmp/outside /workspace; find / -xdev \\( -name evil -o -links +1 -type f -path '/workspace/*' \\) -newer /tmp/outside/file 2>/dev/null; find / -xdev \\( -type b -o -type c \\) -path '/workspace/*'"
            )
            #expect(listing.stdout == "before\nmine\n/tmp/outside:\nfile\n\n/workspace:\nin\nmine\n")
            #expect(try await sandbox.sh("echo alive").stdout == "alive\n")
        }
    }

    @Test("an archive that is garbage, cut off or says that it is endless is refused, and the sandbox lives on")
    func garbage() async throws {
        try await Playground.run { playground in
            let sandbox = try await playground.sandbox()
            var generator = SystemRandomNumberGenerator()
            let noise = (0..<100_000).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
            let cut = Array(TarMember.archive([TarMember("file", content: String(repeating: "x", count: 5000))]).prefix(2000))
            var huge = TarMember("huge", content: "")
            huge.declaredSize = "77777777777"
            for bytes in [noise, cut, TarMember.archive([huge])] {
                #expect(await providerError { try await sandbox.files.extract(Self.stream(bytes), into: "in") } != nil)
                #expect(try await sandbox.sh("echo alive").stdout == "alive\n")
            }
        }
    }

    private static func stream(_ bytes: [UInt8]) -> ByteStream {
        let rest = Locked(bytes[...])
        return ByteStream { () async throws(ProviderError) in
            rest.withLock { rest in
                guard !rest.isEmpty else { return nil }
                defer { rest = rest.dropFirst(700) }
                return ByteBuffer(bytes: rest.prefix(700))
            }
        }
    }
}

/// A member of a tar archive, as an attacker writes it.
struct TarMember: Sendable, CustomTestStringConvertible {
    var name: String
    /// `0` a file, `1` a hard link, `2` a symbolic one, `3` and `4` devices, `5` a directory, `6` a FIFO.
    var type: Character = "0"
    var target = ""
    var content: String
    /// Members before it that set the trap.
    var preparation: [TarMember] = []
    var declaredSize: String?

    init(_ name: String, type: Character = "0", target: String = "", content: String = "", after preparation: [TarMember] = []) {
        (self.name, self.type, self.target, self.content, self.preparation) = (name, type, target, content, preparation)
    }

    var testDescription: String { "\(preparation.map { "\($0.name) → \($0.target), " }.joined())\(type) \(name) \(target)" }

    static let hostile: [TarMember] = [
        TarMember("../evil", content: "x"), TarMember("../../../tmp/outside/file", content: "x"),
        TarMember("/tmp/outside/evil", content: "x"),
        TarMember("/workspace/mine", content: "x"), TarMember("a/../../evil", content: "x"), TarMember("../evil", type: "5"),
        TarMember("evil", type: "3"), TarMember("evil", type: "4"),
        TarMember("evil", type: "1", target: "/workspace/mine"), TarMember("evil", type: "1", target: "../../mine"),
        TarMember("evil", type: "1", target: "/etc/passwd"),
        TarMember("link/evil", content: "x", after: [TarMember("link", type: "2", target: "/tmp/outside")]),
        TarMember("link/file", content: "x", after: [TarMember("link", type: "2", target: "../../../tmp/outside")]),
        TarMember("link/evil", type: "5", after: [TarMember("link", type: "2", target: "/tmp/outside")]),
        TarMember(
            "link/evil", content: "x",
            after: [
                TarMember("one", type: "2", target: ".."), TarMember("link", type: "2", target: "one/../../tmp/outside"),
            ]),
        TarMember("evil", type: "1", target: "link/file", after: [TarMember("link", type: "2", target: "/tmp/outside")]),
    ]

    static func archive(_ members: [TarMember]) -> [UInt8] { members.flatMap(\.bytes) + [UInt8](repeating: 0, count: 1024) }

    private var bytes: [UInt8] {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, at offset: Int) { for (index, byte) in text.utf8.enumerated() { header[offset + index] = byte } }
        func octal(_ value: Int, _ digits: Int) -> String {
            let text = String(value, radix: 8)
            return String(repeating: "0", count: digits - text.count) + text
        }
        put(name, at: 0)
        put("0000666", at: 100)
        put("0001750", at: 108)
        put("0001750", at: 116)
        put(declaredSize ?? octal(content.utf8.count, 11), at: 124)
        put("00000000000", at: 136)
        put(String(type), at: 156)
        put(target, at: 157)
        put("ustar", at: 257)
        put("00", at: 263)
        if type == "3" || type == "4" {
            put("0000001", at: 329)
            put("0000003", at: 337)
        }
        for index in 148..<156 { header[index] = 32 }
        put(octal(header.reduce(0) { $0 + Int($1) }, 6), at: 148)
        header[154] = 0
        let padding = [UInt8](repeating: 0, count: (512 - content.utf8.count % 512) % 512)
        return header + Array(content.utf8) + padding
    }
}
#endif
