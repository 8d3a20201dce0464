import SandstormCore

extension PackRun {
    private static let headers = [
        "policy", "objective", "success %", "cost $", "× oracle", "p50 ms", "p99 ms", "p99.9 ms", "× oracle", "late %", "hedges %",
        "losers $",
        "regret $", "regret ms",
    ]

    /// All policies as lines of a table, with the scenario's name before it. Cost is compared with the oracle for `cheapest`, starts with
    /// the one for `fastest`; regret is for the whole cost and for the mean start.
    package var table: [String] {
        let rows = entries.map { entry in row(of: entry) }
        let widths = PackRun.headers.indices.map { column in ([PackRun.headers] + rows).map { $0[column].count }.max() ?? 0 }
        let lines = ([PackRun.headers] + rows).map { row in
            "  "
                + zip(row, widths).enumerated().map { column, cell in
                    let padding = String(repeating: " ", count: cell.1 - cell.0.count)
                    return column < 2 ? cell.0 + padding : padding + cell.0
                }.joined(separator: "  ")
        }
        let requests = entries.first?.tally.requests ?? 0
        return ["\(scenario): \(requests) requests"] + lines
    }

    private func row(of entry: Entry) -> [String] {
        let tally = entry.tally
        let cheapest = oracles[.cheapest] ?? tally
        let fastest = oracles[.fastest] ?? tally
        let late = Double(tally.lateStarts) / Double(max(tally.requests, 1))
        let regret = Double((tally.cost - cheapest.cost).nanodollars) / 1e9
        return [
            entry.policy, entry.objective?.rawValue ?? "", (tally.success(among: fastest) * 100).fixed(3),
            (Double(tally.cost.nanodollars) / 1e9).fixed(3), (tally.costPerSuccess / max(cheapest.costPerSuccess, 1)).fixed(3),
            tally.start(atQuantile: 0.5).inMilliseconds.fixed(0), tally.start(atQuantile: 0.99).inMilliseconds.fixed(0),
            tally.start(atQuantile: 0.999).inMilliseconds.fixed(0), (tally.p99 / fastest.p99).fixed(2), (late * 100).fixed(2),
            (tally.hedgeRate * 100).fixed(2), (Double(tally.costOfLosers.nanodollars) / 1e9).fixed(3), regret.fixed(3),
            ((tally.meanStart - fastest.meanStart) / 1000).fixed(1),
        ]
    }
}

extension Double {
    /// With exactly so many decimals.
    func fixed(_ places: Int) -> String {
        let text = decimal(places)
        guard places > 0 else { return text }
        let present = text.split(separator: ".").dropFirst().first?.count ?? 0
        return (present == 0 ? text + "." : text) + String(repeating: "0", count: places - present)
    }
}
