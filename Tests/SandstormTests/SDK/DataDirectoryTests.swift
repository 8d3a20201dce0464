import Foundation
import Logging
import SandstormTestSupport
import Testing

@testable import Sandstorm

@Suite("The data directory") struct DataDirectoryTests {
    @Test(
        "the first that is set",
        arguments: [
            (["SANDSTORM_DATA_DIR": "/a", "XDG_DATA_HOME": "/b", "HOME": "/c"], "/a"),
            (["SANDSTORM_DATA_DIR": "", "XDG_DATA_HOME": "/b", "HOME": "/c"], "/b/sandstorm"),
            (["XDG_DATA_HOME": "relative", "HOME": "/c"], "/c/.local/share/sandstorm"),
            (["HOME": "/c"], "/c/.local/share/sandstorm"),
        ])
    func order(environment: [String: String], path: String) { #expect(DataDirectory.standard(in: environment).path == path) }

    @Test func `nobody else may look into it, whoever made it first`() async throws {
        let parent = try TemporaryDirectory()
        for number in 0..<10 {
            let directory = DataDirectory(path: parent.path + "/\(number)/data")
            let gateway = try await EmbeddedGateway(opening: directory, exclusive: true, logger: Logger(label: "test"))
            let mode = try FileManager.default.attributesOfItem(atPath: directory.path)[.posixPermissions] as? Int
            #expect(mode == 0o700)
            await gateway.close()
        }
    }
}
