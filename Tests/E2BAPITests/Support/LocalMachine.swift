import LocalProvider
import SandstormCore
import SandstormTestSupport
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Real sandboxes on this machine.
enum LocalMachine {
    static let canRun = agent != nil && access("/usr/bin/bwrap", X_OK) == 0
    static let why: Comment = "needs bubblewrap (apt-get install -y bubblewrap) and the agent (scripts/build-agent.sh)"
    static let isRoot = geteuid() == 0

    /// The agent as `scripts/build-agent.sh` leaves it, above this file.
    private static let agent: String? = {
        var directory = #filePath[...]
        while let slash = directory.lastIndex(of: "/") {
            directory = directory[..<slash]
            let path = "\(directory)/.build/debug/sandstorm-agent"
            if access(path, X_OK) == 0 { return path }
        }
        return nil
    }()

    /// A provider on a directory of its own.
    static func provider(in directory: TemporaryDirectory) async -> any SandboxProvider {
        var configuration = LocalProvider.Configuration(dataDirectory: directory.path)
        configuration.agentPath = agent
        // Beside other tests a launch may take its time.
        configuration.launchDeadline = .seconds(90)
        return await LocalProvider(configuration: configuration)
    }
}
