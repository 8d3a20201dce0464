#if os(Linux)
import Foundation
import Glibc
import ProviderConformance
import SandstormCore
import Testing

@testable import LocalProvider

/// What the tests need of this machine, and the directories of their providers.
enum LocalMachine {
    static let hasRunc = geteuid() == 0 && LauncherSurvey.path(of: "runc") != nil
    static let canRun = agent != nil && LauncherSurvey.path(of: "bwrap") != nil
    static let why: Comment = "needs bubblewrap (apt-get install -y bubblewrap) and the agent (scripts/build-agent.sh)"

    /// The agent as `scripts/build-agent.sh` leaves it, above this file.
    static let agent: String? = {
        if let named = getenv("SANDSTORM_AGENT") { return String(cString: named) }
        var directory = #filePath[...]
        while let slash = directory.lastIndex(of: "/") {
            directory = directory[..<slash]
            let path = "\(directory)/.build/debug/sandstorm-agent"
            if HostFile.exists(path) { return path }
        }
        return nil
    }()

    /// For all of this process; goes with it.
    private static let directory: String = {
        atexit { HostFile.removeTree(LocalMachine.directory) }
        return "/tmp/sandstorm-test-conformance-\(getpid())"
    }()

    /// A provider on the state directory of that name, as another gateway on the same machine would have it too.
    static func provider(
        in name: String, _ change: (inout LocalProvider.Configuration) -> Void = { _ in }
    ) async -> LocalProvider {
        var configuration = LocalProvider.Configuration(dataDirectory: "\(directory)/\(name)")
        configuration.agentPath = agent
        // Beside all the others a launch may take its time; no behaviour is about that.
        configuration.launchDeadline = .seconds(90)
        // Private addresses, which sandboxes do not reach otherwise.
        configuration.allowedPrivateNetworks = [Neighbourhood.hosts?.allowed, Neighbourhood.hosts?.other].compactMap(\.self)
        change(&configuration)
        return await LocalProvider(configuration: configuration)
    }
}
#endif
