import Testing

@testable import E2BAPI

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite("The interpreter's programs") struct InterpreterProgramsTests {
    /// The files that the embedded ones are made of.
    private static let directory: URL = {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return root.appending(path: "Sources/FrontEnds/E2BAPI/Interpreter/Programs")
    }()

    @Test func `what is embedded is what the files say`() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: InterpreterProgramsTests.directory.path).filter {
            !$0.hasPrefix("_")
        }
        #expect(Set(names) == Set(InterpreterPrograms.files.map(\.name)), "run scripts/embed-interpreter.sh")
        for file in InterpreterPrograms.files {
            let text = try String(contentsOf: InterpreterProgramsTests.directory.appending(path: file.name), encoding: .utf8)
            #expect(file.text == text, "\(file.name) has changed: run scripts/embed-interpreter.sh")
        }
    }

    @Test func `the program's start fits on a command line`() {
        #expect(!InterpreterHost.bootstrap.isEmpty)
        #expect(InterpreterHost.bootstrap.utf8.count < 8_192)
        #expect(InterpreterHost.bundle.count > 10_000)
    }
}
