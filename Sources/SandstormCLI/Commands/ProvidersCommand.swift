import ArgumentParser
import Sandstorm

/// `sandstorm providers`
struct ProvidersCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "providers", abstract: "Lists the places that can run code, and how they are.")

    @OptionGroup var place: PlaceOptions

    @Flag(help: "Print JSON.")
    var json = false

    func execute() async throws -> ExitCode {
        let providers = try await place.withSandstorm { try await $0.providers() }
        if json {
            try await StandardOutput.output.line(JSONValue.object(["providers": .array(providers.map(\.json))]).encoded)
            return .success
        }
        var table = Table("provider", "state", "isolation", "languages", "detail")
        for provider in providers {
            table.add(
                provider.id.rawValue, provider.isHealthy ? "healthy" : "unwell", provider.isolation.map(\.rawValue).joined(separator: ","),
                provider.languages.map { $0.map(\.rawValue).joined(separator: ",") } ?? "not told", provider.detail)
        }
        try await StandardOutput.output.write(Array(table.text.utf8))
        return .success
    }
}
