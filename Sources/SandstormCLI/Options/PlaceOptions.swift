import ArgumentParser
import Sandstorm

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Who does the work: a gateway, or the engine inside this program.
struct PlaceOptions: ParsableArguments {
    @Option(help: ArgumentHelp("A gateway's address. (default: $SANDSTORM_URL)", valueName: "url"))
    var gateway: String?

    @Option(help: ArgumentHelp("The secret of an API key; better in $SANDSTORM_API_KEY, where no one else can see it.", valueName: "key"))
    var apiKey: String?

    @OptionGroup var data: DataOptions

    /// The one that was asked for: options before the environment.
    func sandstorm() throws -> Sandstorm {
        var environment = ProcessInfo.processInfo.environment
        if gateway != nil, data.dataDir != nil {
            throw CommandFailure([OptionProblem("--data-dir", "is given beside --gateway", remedy: "give one of the two")])
        }
        if let gateway { environment["SANDSTORM_URL"] = gateway }
        if let apiKey { environment["SANDSTORM_API_KEY"] = apiKey }
        if let directory = data.dataDir {
            environment["SANDSTORM_URL"] = nil
            environment["SANDSTORM_DATA_DIR"] = directory
        }
        return Sandstorm(environment: environment)
    }

    /// Work goes to a gateway.
    var isRemote: Bool {
        gateway != nil || data.dataDir == nil && !(ProcessInfo.processInfo.environment["SANDSTORM_URL"] ?? "").isEmpty
    }

    /// What is wrong with asking for something that only a gateway has.
    ///
    /// - Parameter place: the option or argument that names it.
    func problem(needingGatewayFor place: String) -> OptionProblem? {
        guard !isRemote else { return nil }
        return OptionProblem(
            place, "is out of reach: without a gateway, a sandbox lives no longer than the program that made it",
            remedy: "start a gateway with sandstorm serve and name it with --gateway or SANDSTORM_URL")
    }

    /// Does something with it, and ends it cleanly in any case.
    func withSandstorm<Value>(_ work: (Sandstorm) async throws -> Value) async throws -> Value {
        let sandstorm = try sandstorm()
        do {
            let value = try await work(sandstorm)
            await sandstorm.shutDown()
            return value
        } catch {
            await sandstorm.shutDown()
            throw error
        }
    }
}

/// The data directory.
struct DataOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("The data directory. (default: $SANDSTORM_DATA_DIR, else ~/.local/share/sandstorm)", valueName: "dir"),
        completion: .directory)
    var dataDir: String?

    var directory: DataDirectory {
        dataDir.map(DataDirectory.init(path:)) ?? .standard(in: ProcessInfo.processInfo.environment)
    }
}
