import Sandstorm

/// The one line about a settled run: provider, time to first output, duration, cost, run id.
struct RunSummary {
    private let result: RunResult

    init(_ result: RunResult) { self.result = result }

    var line: String {
        let parts = [
            result.provider == .none ? "no provider" : result.provider.rawValue,
            result.timeToFirstOutput.map { "first output after \($0.display)" } ?? "no output",
            result.duration.map { "ran \($0.display)" } ?? "did not run",
            "cost \(result.cost)",
            result.id.rawValue,
        ]
        return parts.joined(separator: " · ")
    }
}
