import Foundation
import Testing

/// The guide shows code that is compiled and run: the example's, to the letter.
@Suite("The guide to writing a provider")
struct GuideTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// The blocks of Swift in the guide, each as its lines.
    private static func excerpts() throws -> [[Substring]] {
        let guide = try String(contentsOf: root.appending(path: "docs/adding-a-provider.md"), encoding: .utf8)
        var (excerpts, current): ([[Substring]], [Substring]?) = ([], nil)
        for line in guide.split(separator: "\n", omittingEmptySubsequences: false) {
            if line == "```swift" {
                current = []
            } else if line == "```" {
                if let block = current { excerpts.append(block) }
                current = nil
            } else {
                current?.append(line)
            }
        }
        return excerpts
    }

    private static func sources() throws -> [[Substring]] {
        let directory = root.appending(path: "examples/provider")
        let names = try FileManager.default.subpathsOfDirectory(atPath: directory.path).filter { $0.hasSuffix(".swift") }
        return try names.map { name in
            try String(contentsOf: directory.appending(path: name), encoding: .utf8).split(
                separator: "\n", omittingEmptySubsequences: false)
        }
    }

    /// Whether the lines stand in the source one after the other, all of them indented by as much.
    private static func stands(_ excerpt: [Substring], in source: [Substring]) -> Bool {
        guard let first = excerpt.first, source.count >= excerpt.count else { return false }
        return (0...source.count - excerpt.count).contains { start in
            guard source[start].hasSuffix(first) else { return false }
            let indentation = source[start].dropLast(first.count)
            guard indentation.allSatisfy({ $0 == " " }) else { return false }
            return zip(excerpt, source[start...]).allSatisfy { line, original in
                line.isEmpty ? original.isEmpty : original == indentation + line
            }
        }
    }

    @Test("every piece of Swift in it stands in the example")
    func excerptsAreReal() throws {
        let (excerpts, sources) = (try Self.excerpts(), try Self.sources())
        #expect(excerpts.count >= 6)
        for excerpt in excerpts {
            #expect(sources.contains { Self.stands(excerpt, in: $0) }, "not in the example:\n\(excerpt.joined(separator: "\n"))")
        }
    }

    @Test("every case that the example is known to fail is explained")
    func deviations() throws {
        let guide = try String(contentsOf: Self.root.appending(path: "docs/adding-a-provider.md"), encoding: .utf8)
        #expect(guide.contains("the workspace is /workspace for commands too"))
    }

    @Test("what is not in the example is noticed")
    func comparison() {
        let source: [Substring] = ["struct A {", "    func b() {", "", "        c()", "    }", "}"]
        #expect(Self.stands(["func b() {", "", "    c()", "}"], in: source))
        #expect(!Self.stands(["func b() {", "    c()", "}"], in: source))
        #expect(!Self.stands(["func b() {", "", "    d()"], in: source))
    }
}
