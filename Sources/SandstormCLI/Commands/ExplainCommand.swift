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
        var table = Table("", "offer", "price per hour", "predicted cost", "at most", "whole run", "starts after", "fails", "score", "why")
        var rank = 0
        for candidate in decision.candidates {
            if candidate.isKept { rank += 1 }
            let offer = candidate.offer
            let hourly = offer.price.cost(of: offer.resources, for: .seconds(3600))
            let late = candidate.judgedLatency.map { $0 == candidate.predictedLatency ? "" : ", late \($0.display)" } ?? ""
            table.add(
                candidate.isKept ? "\(rank)." : "-", offer.id, hourly?.description ?? "unknown", candidate.predictedCost.description,
                candidate.worstCost.description, candidate.expectedCost?.description ?? "", candidate.predictedLatency.display + late,
                candidate.failurePPM.map(percentage) ?? "", candidate.score.map(String.init) ?? "",
                (candidate.isKept ? "kept: " : "dropped: ") + candidate.reason)
        }
        for refusal in decision.refusals {
            table.add("-", refusal.provider.rawValue, "", "", "", "", "", "", "", "no offer: " + refusal.reason)
        }
        if decision.candidates.isEmpty, decision.refusals.isEmpty { return "No provider is configured.\n" }
        var head = "Objective: \(decision.objective.rawValue)\n"
        if let rule = decision.rule { head += "Rule: \(rule)\n" }
        var tail = ""
        if let hedge = decision.hedge {
            let why = hedge.explores ? "To learn of it," : "If nothing has started after \(hedge.delay.display),"
            tail = "\(why) \(hedge.offer) is asked too; the first that is ready runs the code.\n"
        }
        return head + table.text + tail
    }

    /// Millionths as a percentage: `0.3 %`.
    private static func percentage(_ ppm: Int) -> String {
        let tenths = (ppm + 500) / 1000
        return tenths == 0 && ppm > 0 ? "< 0.1 %" : "\(tenths / 10).\(tenths % 10) %"
    }
}
