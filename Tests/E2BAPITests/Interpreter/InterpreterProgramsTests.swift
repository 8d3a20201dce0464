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

    @Test func `every program is embedded`() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: InterpreterProgramsTests.directory.path).filter {
            !$0.hasPrefix("_")
        }
        #expect(Set(names) == Set(InterpreterPrograms.files.map(\.name)))
        for file in InterpreterPrograms.files {
            let bytes = try Data(contentsOf: InterpreterProgramsTests.directory.appending(path: file.name))
            #expect(file.bytes == Array(bytes), "\(file.name)")
        }
    }

    @Test func `the program's start fits on a command line`() {
        #expect(!InterpreterHost.bootstrap.isEmpty)
        #expect(InterpreterHost.bootstrap.utf8.count < 8_192)
        #expect(InterpreterHost.bundle.count > 10_000)
    }
}
