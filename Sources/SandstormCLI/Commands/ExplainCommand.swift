import ArgumentParser
import Sandstorm

/// `sandstorm explain`
struct ExplainCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Shows where a run would go and why, without running it.",
        discussion: "Takes the options of sandstorm run. Exits with 0 if something can run it, else with 125.")

    @OptionGroup var options: RunOptions
    @OptionGroup(title: "Place") var place: PlaceOptions

    func execute() async throws -> ExitCode {
        let request = try await RequestBuilder.request(from: options)
        let decision = try await place.withSandstorm { try await $0.decide(request) }
        if options.json {
            try await StandardOutput.output.line(decision.json.encoded)
        } else {
            try await StandardOutput.output.write(Array(ExplainCommand.text(decision).utf8))
        }
        return decision.ranking.isEmpty ? .sandstormFailed : .success
    }

    static func text(_ decision: Decision) -> String {
        var table = Table("", "offer", "price per hour", "predicted cost", "at most", "starts after", "why")
        var rank = 0
        for candidate in decision.candidates {
            if candidate.isKept { rank += 1 }
            let offer = candidate.offer
            let hourly = offer.price.cost(of: offer.resources, for: .seconds(3600))
            table.add(
                candidate.isKept ? "\(rank)." : "-", offer.id, hourly?.description ?? "unknown", candidate.predictedCost.description,
                candidate.worstCost.description, candidate.predictedLatency.display,
                (candidate.isKept ? "kept: " : "dropped: ") + candidate.reason)
        }
        for refusal in decision.refusals {
            table.add("-", refusal.provider.rawValue, "", "", "", "", "no offer: " + refusal.reason)
        }
        if decision.candidates.isEmpty, decision.refusals.isEmpty { return "No provider is configured.\n" }
        return "Objective: \(decision.objective.rawValue)\n" + table.text
    }
}
