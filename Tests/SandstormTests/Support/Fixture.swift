import Foundation
import SandstormCore
import SandstormTestSupport
import Testing

/// A data directory of the test's own, and the program that works on it.
struct Fixture: Sendable {
    let directory: TemporaryDirectory
    let program: Program

    init(environment: [String: String] = [:]) throws {
        directory = try TemporaryDirectory()
        program = Program(dataDirectory: directory.path + "/data", directory: directory, environment: environment)
    }

    /// Writes a file beside the data directory; returns its path.
    func file(_ name: String, _ content: String) throws -> String { try file(name, Array(content.utf8)) }

    func file(_ name: String, _ content: [UInt8]) throws -> String {
        let path = directory.path + "/" + name
        try Data(content).write(to: URL(fileURLWithPath: path))
        return path
    }

    /// Starts `sandstorm serve --dev` on a free port.
    ///
    /// - Returns: the gateway, and its address once it is ready.
    func serve(_ options: String...) async throws -> (gateway: RunningProgram, url: String) {
        let data = directory.path + "/gateway"
        let gateway = try program.start(["serve", "--listen", "127.0.0.1:0", "--data-dir", data] + options)
        _ = await eventually(within: .seconds(120)) { Fixture.address(in: gateway.stderr) != nil || !gateway.isRunning }
        let url = try #require(Fixture.address(in: gateway.stderr), "the gateway did not start: \(gateway.stderr)")
        return (gateway, url)
    }

    /// Where a gateway says that it listens.
    private static func address(in text: String) -> String? {
        // A line that has not ended may be cut in the middle of the port.
        guard let end = text.lastIndex(of: "\n") else { return nil }
        return text[..<end].split(separator: "\n").first { $0.contains("listening on") }
            .flatMap { line in line.split { " ,".contains($0) }.first { $0.hasPrefix("http://") } }.map(String.init)
    }
}
