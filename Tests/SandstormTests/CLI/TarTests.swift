import Foundation
import SandstormTestSupport
import Testing

@testable import SandstormCLI

@Suite("Archives that come out of sandboxes") struct TarTests {
    private let directory: TemporaryDirectory
    private var target: String { directory.path + "/target" }

    init() throws { directory = try TemporaryDirectory() }

    private func file(_ name: String, _ text: String, mode: UInt16 = 0o644) -> [UInt8] {
        let content = Array(text.utf8)
        let header = TarPacker.header(
            TarEntry(name: Array(name.utf8), kind: .file, size: Int64(content.count), mode: mode, modified: 1_700_000_000))
        return header + content + [UInt8](repeating: 0, count: TarBlock.padding(for: Int64(content.count)))
    }

    private func member(_ name: String, _ kind: TarEntry.Kind, mode: UInt16 = 0o755) -> [UInt8] {
        TarPacker.header(TarEntry(name: Array(name.utf8), kind: kind, mode: mode))
    }

    private let end = [UInt8](repeating: 0, count: 1024)

    /// Unpacks in pieces of `size` bytes; returns what was left out.
    @discardableResult
    private func unpack(_ archive: [UInt8], size: Int = 700) throws -> [String] {
        let unpacker = try TarUnpacker(into: target)
        var rest = archive[...]
        while !rest.isEmpty {
            try unpacker.unpack(Array(rest.prefix(size)))
            rest = rest.dropFirst(size)
        }
        try unpacker.finish()
        return unpacker.leftOut
    }

    private func text(_ name: String) -> String? { try? String(contentsOfFile: target + "/" + name, encoding: .utf8) }

    private func mode(_ name: String) -> Int? {
        ((try? FileManager.default.attributesOfItem(atPath: target + "/" + name))?[.posixPermissions] as? NSNumber)?.intValue
    }

    @Test(arguments: [1, 511, 512, 513, 100_000]) func `unpacks files, directories and links`(size: Int) throws {
        let name = String(repeating: "long/", count: 40) + "file"
        let archive =
            member("dir", .directory, mode: 0o555) + file("dir/a", "one", mode: 0o4755) + member("dir/link", .symbolicLink(Array("a".utf8)))
            + member("same", .hardLink(Array("dir/a".utf8))) + file("./empty", "") + file(name, "deep") + end
        #expect(try unpack(archive, size: size) == [])
        #expect(text("dir/a") == "one")
        #expect(mode("dir/a") == 0o755, "set-id bits are dropped")
        #expect(mode("dir") == 0o555)
        #expect(text("dir/link") == "one")
        #expect(text("same") == "one")
        #expect(text("empty") == "")
        #expect(text(name) == "deep")
        chmod(target + "/dir", 0o755)
    }

    @Test(arguments: ["/etc/evil", "../evil", "dir/../../evil", "..", "a/.."]) func `names that lead outside`(name: String) throws {
        #expect(throws: TarError.self) { try unpack(member("dir", .directory) + file(name, "evil") + end) }
        #expect(!FileManager.default.fileExists(atPath: directory.path + "/evil"))
    }

    @Test(arguments: ["/etc", "..", "../..", "dir/../../..", "dir/..", "./../x", ""]) func `links that lead outside are left out`(
        link: String
    ) throws {
        let leftOut = try unpack(member("dir", .directory) + member("link", .symbolicLink(Array(link.utf8))) + end)
        #expect(leftOut.count == 1)
        #expect((try? FileManager.default.attributesOfItem(atPath: target + "/link")) == nil)
    }

    @Test func `links inside stay`() throws {
        let archive =
            member("a/b", .directory) + file("a/x", "one") + member("a/b/up", .symbolicLink(Array("../x".utf8)))
            + member("a/b/top", .symbolicLink(Array("../..".utf8))) + end
        #expect(try unpack(archive) == [])
        #expect(text("a/b/up") == "one")
    }

    @Test func `nothing is written through a link`() throws {
        let outside = directory.path + "/outside"
        try FileManager.default.createDirectory(atPath: outside, withIntermediateDirectories: true)
        try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(atPath: target + "/mine", withDestinationPath: outside)
        #expect(throws: TarError.self) { try unpack(file("mine/evil", "evil") + end) }
        // Nor through one that the archive brings.
        #expect(throws: TarError.self) {
            try unpack(member("d", .directory) + member("l", .symbolicLink(Array("d".utf8))) + file("l/evil", "evil") + end)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: outside) == [])
        #expect(try FileManager.default.contentsOfDirectory(atPath: target + "/d") == [])
    }

    @Test func `a link in a file's place is replaced and not followed`() throws {
        let outside = directory.path + "/precious"
        try Data("precious".utf8).write(to: URL(fileURLWithPath: outside))
        try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(atPath: target + "/file", withDestinationPath: outside)
        try unpack(file("file", "new") + end)
        #expect(try String(contentsOfFile: outside, encoding: .utf8) == "precious")
        #expect(text("file") == "new")
    }

    @Test(arguments: ["/etc/passwd", "../precious", "mine/precious"]) func `hard links to what is outside`(link: String) throws {
        try Data("precious".utf8).write(to: URL(fileURLWithPath: directory.path + "/precious"))
        try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(atPath: target + "/mine", withDestinationPath: directory.path)
        #expect(throws: TarError.self) { try unpack(member("link", .hardLink(Array(link.utf8))) + end) }
        #expect(text("link") == nil)
    }

    @Test func `devices and pipes are left out`() throws {
        let archive = "3467".utf8.reduce([UInt8]()) { $0 + member("node\($1)", .other($1)) } + file("after", "one") + end
        #expect(try unpack(archive).count == 3, "7 is a file by another name")
        #expect(text("after") == "one")
        #expect(Set(try FileManager.default.contentsOfDirectory(atPath: target)) == ["after", "node55"])
    }

    @Test func `an archive that was cut is an error`() throws {
        let whole = file("a", "one") + end
        for length in [0, 100, 512, 514, 1024] { #expect(throws: TarError.self) { try unpack(Array(whole.prefix(length))) } }
    }

    @Test func `what is no archive is an error`() throws {
        #expect(throws: TarError.self) { try unpack(Array(repeating: 0x41, count: 2048)) }
        var huge = file("a", "one")
        huge.replaceSubrange(124..<136, with: [0x80] + [UInt8](repeating: 0xFF, count: 11))
        #expect(throws: TarError.self) { try unpack(huge + end) }
    }

    @Test func `packs what it can unpack, and what tar can`() async throws {
        let source = directory.path + "/source"
        let long = String(repeating: "n", count: 120)
        for name in ["a/b", "empty", long] {
            try FileManager.default.createDirectory(atPath: source + "/" + name, withIntermediateDirectories: true)
        }
        let content = Data((0..<100_003).map { UInt8(truncatingIfNeeded: $0 &* 7) })
        try content.write(to: URL(fileURLWithPath: source + "/a/b/data"))
        try content.write(to: URL(fileURLWithPath: source + "/\(long)/\(long)"))
        try Data().write(to: URL(fileURLWithPath: source + "/nothing"))
        try FileManager.default.createSymbolicLink(atPath: source + "/a/link", withDestinationPath: "b/data")
        chmod(source + "/a/b/data", 0o750)
        let packer = try TarPacker(source)
        var archive: [UInt8] = []
        while let piece = try packer.next() { archive += piece }
        #expect(try unpack(archive, size: 9973) == [])
        #expect(FileManager.default.contents(atPath: target + "/a/b/data") == content)
        #expect(FileManager.default.contents(atPath: target + "/a/link") == content)
        #expect(FileManager.default.contents(atPath: target + "/\(long)/\(long)") == content)
        #expect(mode("a/b/data") == 0o750)
        #expect(text("nothing") == "")
        #expect(FileManager.default.fileExists(atPath: target + "/empty"))
        let tar = try ChildProgram("/bin/tar", ["-tf", "-"], environment: [:], input: archive)
        #expect(await tar.wait() == 0)
        let names = String(decoding: tar.output, as: UTF8.self).split(separator: "\n").map(String.init)
        #expect(Set(names).isSuperset(of: ["a/", "a/b/", "a/b/data", "a/link", "empty/", "nothing", "\(long)/\(long)"]))
    }

    /// Archives with random damage: they may fail in any way, but write nothing outside and end.
    @Test(arguments: 0..<50) func `damaged archives`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var archive =
            member("d", .directory) + file("d/a", "one") + member("l", .symbolicLink(Array("d".utf8)))
            + file(String(repeating: "long/", count: 30) + "x", "deep") + member("h", .hardLink(Array("d/a".utf8))) + end
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            let block = Int.random(in: 0..<(archive.count / 512), using: &random) * 512
            let offset = block + Int.random(in: 0..<512, using: &random)
            let damage: [UInt8] = [
                UInt8(ascii: "/"), UInt8(ascii: "."), 0, 0x80, UInt8(ascii: "7"), UInt8.random(in: 0...255, using: &random),
            ]
            archive[offset] = damage.randomElement(using: &random)!
            // With a right checksum, so that the damage is looked at.
            let sum = archive[block..<(block + 512)].enumerated().reduce(0) {
                $0 + ((148..<156).contains($1.offset) ? 32 : Int($1.element))
            }
            let digits = String(sum, radix: 8)
            let field = Array((String(repeating: "0", count: 6 - digits.count) + digits).utf8) + [0, 0x20]
            if Bool.random(using: &random) { archive.replaceSubrange((block + 148)..<(block + 156), with: field) }
        }
        _ = try? unpack(archive, size: Int.random(in: 1...2000, using: &random))
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["target"])
    }
}
