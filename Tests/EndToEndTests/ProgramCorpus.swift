import Foundation
import SandstormCore
import Testing

/// One program of `Tests/Programs`, with what it is expected to do.
struct CorpusProgram: Sendable, CustomTestStringConvertible {
    let name: String
    let source: URL
    let language: Language
    let code: String
    let input: [UInt8]
    let expectedOutput: String
    let expectedExitCode: Int32
    /// A part of what it writes to standard error.
    let expectedError: String?

    var testDescription: String { name }

    /// All programs whose language has a toolchain on this machine, as the sandboxes see it.
    static let all: [CorpusProgram] = {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent(
            "Programs")
        let languages = (try? FileManager.default.contentsOfDirectory(atPath: root.path))?.sorted() ?? []
        return languages.flatMap { folder -> [CorpusProgram] in
            guard let language = Language(rawValue: folder) else { return [] }
            let directory = root.appendingPathComponent(folder)
            let files = (try? FileManager.default.contentsOfDirectory(atPath: directory.path))?.sorted() ?? []
            return files.compactMap { CorpusProgram(directory.appendingPathComponent($0), language) }
        }
    }()

    private init?(_ source: URL, _ language: Language) {
        let base = source.deletingPathExtension()
        func beside(_ suffix: String) -> Data? { try? Data(contentsOf: base.appendingPathExtension(suffix)) }
        guard Language(fileExtension: source.pathExtension) == language, let output = beside("out"),
            let code = try? String(contentsOf: source, encoding: .utf8)
        else { return nil }
        self.source = source
        self.language = language
        self.code = code
        name = "\(language.rawValue)/\(base.lastPathComponent)"
        input = beside("in").map(Array.init) ?? []
        expectedOutput = String(decoding: output, as: UTF8.self)
        expectedExitCode =
            beside("code").flatMap { Int32(String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)) } ?? 0
        expectedError = beside("err").map { String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines) }
    }
}
