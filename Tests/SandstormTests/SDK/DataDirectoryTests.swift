import Testing

@testable import Sandstorm

@Suite("Where the data directory is") struct DataDirectoryTests {
    @Test(
        "the first that is set",
        arguments: [
            (["SANDSTORM_DATA_DIR": "/a", "XDG_DATA_HOME": "/b", "HOME": "/c"], "/a"),
            (["SANDSTORM_DATA_DIR": "", "XDG_DATA_HOME": "/b", "HOME": "/c"], "/b/sandstorm"),
            (["XDG_DATA_HOME": "relative", "HOME": "/c"], "/c/.local/share/sandstorm"),
            (["HOME": "/c"], "/c/.local/share/sandstorm"),
        ])
    func order(environment: [String: String], path: String) { #expect(DataDirectory.standard(in: environment).path == path) }
}
