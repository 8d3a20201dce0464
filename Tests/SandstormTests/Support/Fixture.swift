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
        let isReady = await eventually(within: .seconds(60)) { gateway.stderr.contains("listening on") || !gateway.isRunning }
        let url = gateway.stderr.split(separator: "\n").first { $0.contains("listening on") }
            .flatMap { line in line.split(whereSeparator: { " ,".contains($0) }).first { $0.hasPrefix("http://") } }
        try #require(isReady && url != nil, "the gateway did not start: \(gateway.stderr)")
        return (gateway, String(url ?? ""))
    }
}
