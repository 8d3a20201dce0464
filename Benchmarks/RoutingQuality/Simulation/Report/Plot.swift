import Foundation
import SandstormCore

/// All scenarios at a glance: for each a row, in it a dot for each policy, left by its cost and right by its p99 start, as multiples of
/// the oracle's on a logarithmic axis from 1 to 30.
package struct Plot {
    private let runs: [PackRun]
    private let rowHeight = 26.0
    private let top = 70.0
    private let left = 150.0
    private let panel = 420.0
    private let gap = 60.0
    private let most = 30.0

    package init(_ runs: [PackRun]) { self.runs = runs }

    private static let colors = [
        "sandstorm": "#d62728", "informed": "#000000", "random": "#bbbbbb", "round-robin": "#8c8c8c", "static-cheapest": "#2ca02c",
        "static-fastest": "#1f77b4", "priority": "#9467bd", "latency": "#ff7f0e", "cooldown": "#e9c46a", "hedge-500": "#17becf",
    ]

    package var svg: String {
        let width = left + 2 * panel + gap + 30
        let height = top + Double(runs.count) * rowHeight + 30
        var lines = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(n(width))\" height=\"\(n(height))\" font-family=\"sans-serif\" font-size=\"12\">",
            "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>",
        ]
        lines += legend
        lines += axis(at: left, "cost per run, × oracle (cheapest)", limit: 1.05)
        lines += axis(at: left + panel + gap, "p99 start, × oracle (fastest)", limit: 1.15)
        for (index, run) in runs.enumerated() {
            let y = top + (Double(index) + 0.5) * rowHeight
            lines.append("<text x=\"\(n(left - 10))\" y=\"\(n(y + 4))\" text-anchor=\"end\">\(escaped(run.scenario))</text>")
            lines += dots(of: run, .cheapest, at: left, y) { $0.costPerSuccess }
            lines += dots(of: run, .fastest, at: left + panel + gap, y) { $0.p99 }
        }
        return (lines + ["</svg>", ""]).joined(separator: "\n")
    }

    private var legend: [String] {
        PackRun.policies.filter { $0 != "oracle" }.enumerated().flatMap { index, policy in
            let x = 12 + Double(index) * 107
            return [
                "<circle cx=\"\(n(x))\" cy=\"18\" r=\"5\" fill=\"\(Plot.colors[policy] ?? "black")\"/>",
                "<text x=\"\(n(x + 9))\" y=\"22\" font-size=\"11\">\(policy)</text>",
            ]
        }
    }

    private func axis(at x: Double, _ title: String, limit: Double) -> [String] {
        let bottom = top + Double(runs.count) * rowHeight
        var lines = ["<text x=\"\(n(x))\" y=\"48\" font-weight=\"bold\">\(title)</text>"]
        for mark in [1.0, 1.5, 2, 3, 5, 10, 20, 30] {
            let at = x + position(mark)
            lines.append("<line x1=\"\(n(at))\" y1=\"\(n(top))\" x2=\"\(n(at))\" y2=\"\(n(bottom))\" stroke=\"#e5e5e5\"/>")
            lines.append("<text x=\"\(n(at))\" y=\"\(n(bottom + 16))\" text-anchor=\"middle\">\(mark.decimal(1))</text>")
        }
        let at = x + position(limit)
        lines.append(
            "<line x1=\"\(n(at))\" y1=\"\(n(top))\" x2=\"\(n(at))\" y2=\"\(n(bottom))\" stroke=\"#d62728\" stroke-dasharray=\"4 3\"/>")
        return lines
    }

    private func dots(
        of run: PackRun, _ objective: Constraints.Objective, at x: Double, _ y: Double, by measure: (Tally) -> Double
    ) -> [String] {
        guard let oracle = run.oracles[objective] else { return [] }
        let shown = run.entries.filter { $0.policy != "oracle" && ($0.objective ?? objective) == objective }
        // Ours is drawn last, over the others.
        return shown.reversed().map { entry in
            let ratio = measure(entry.tally) / max(measure(oracle), 1)
            let radius = entry.policy == "sandstorm" ? 6.0 : 4.5
            return
                "<circle cx=\"\(n(x + position(ratio)))\" cy=\"\(n(y))\" r=\"\(n(radius))\" fill=\"\(Plot.colors[entry.policy] ?? "black")\" "
                + "fill-opacity=\"0.8\"><title>\(entry.policy): \(ratio.decimal(3))</title></circle>"
        }
    }

    private func position(_ ratio: Double) -> Double { log(min(max(ratio, 1), most)) / log(most) * panel }

    private func n(_ value: Double) -> String { value.decimal(1) }

    private func escaped(_ text: String) -> String {
        text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
    }
}
