import ArgumentParser
import Sandstorm

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// `sandstorm prices`
struct PricesCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "prices", abstract: "Shows what a sandbox would cost at every place that can have it, cheapest first.",
        discussion: """
            Beside the places that the gateway has an account at stand those of which only the price is known: their account is none. What is \
            not sure about a price is said beside it.
            """)

    @Option(help: ArgumentHelp("How long it would live: 30s, 10m, 2h, 30d.", valueName: "time"))
    var duration = "1h"

    @Option(help: ArgumentHelp("vCPUs, up to 64. (default: 1)", valueName: "number"))
    var cpu: String?

    @Option(help: ArgumentHelp("Memory: 512MiB, 1GiB, or a number of MiB. (default: 1GiB)", valueName: "size"))
    var memory: String?

    @Option(help: ArgumentHelp("Disk in whole GiB. (default: 1GiB)", valueName: "size"))
    var disk: String?

    @Option(help: ArgumentHelp("A GPU: L4, H100.", valueName: "type"))
    var gpu: String?

    @Option(
        help: ArgumentHelp("The least isolation that will do. (default: standard)", valueName: "level"),
        completion: .list(OptionValues.isolation))
    var isolation: String?

    @Option(help: ArgumentHelp("What it may reach: none or open. (default: none)", valueName: "policy"))
    var network: String?

    @Option(help: "The region in which it must be.")
    var region: String?

    @Flag(help: "Only places that there is an account at.")
    var mine = false

    @Flag(help: "Also products that are no sandboxes, and machines of one's own without a price yet.")
    var all = false

    @Flag(help: "Go on showing them until Ctrl-C: in place on a terminal, else a line for each change.")
    var watch = false

    @Option(help: ArgumentHelp("With --watch: how often to look.", valueName: "time"))
    var interval = "5s"

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var place: PlaceOptions

    func execute() async throws -> ExitCode {
        let question = try checked()
        try await place.withSandstorm { sandstorm in
            guard watch else { return try await show(try await ask(question, sandstorm), question) }
            try await follow(question, sandstorm)
        }
        return .success
    }

    private struct Question {
        var spec: SandboxSpec
        var duration: Duration
        var interval: Duration
        var scope: PriceScope
    }

    private func ask(_ question: Question, _ sandstorm: Sandstorm) async throws -> [PriceInfo] {
        try await sandstorm.prices(of: question.spec, for: question.duration, scope: question.scope)
    }

    private func show(_ prices: [PriceInfo], _ question: Question) async throws {
        if json {
            let object: JSONObject = ["duration": .integer(question.duration.wholeMilliseconds), "prices": .array(prices.map(\.json))]
            return try await StandardOutput.output.line(JSONValue.object(object).encoded)
        }
        guard !prices.isEmpty else {
            Terminal.tell("sandstorm: no place can have such a sandbox; sandstorm explain says why")
            return
        }
        try await StandardOutput.output.write(Array(PriceTable(prices, for: question.duration).text.utf8))
    }

    private func follow(_ question: Question, _ sandstorm: Sandstorm) async throws {
        let isInPlace = StandardOutput.output.isTerminal && !json
        var earlier: [PriceInfo]?
        var lines = 0
        while true {
            let prices = try await ask(question, sandstorm)
            if isInPlace {
                let text = PriceTable(prices, for: question.duration).text(within: RawTerminal.size?.columns)
                // Up to the first line of what is there, and over it.
                let back = lines > 0 ? "\u{1B}[\(lines)A\r\u{1B}[J" : ""
                try await StandardOutput.output.write(Array((back + text).utf8))
                lines = text.count { $0 == "\n" }
            } else if let earlier {
                for change in PriceTable.changes(from: earlier, to: prices) {
                    try await StandardOutput.output.line(json ? change.json.encoded : "\(Date().rfc3339) \(change.text)")
                }
            } else {
                try await show(prices, question)
            }
            earlier = prices
            try await Task.sleep(for: question.interval)
        }
    }

    private func checked() throws -> Question {
        var checker = ArgumentChecker()
        let duration = checker.duration(duration, at: "--duration", in: .milliseconds(1) ... .seconds(31 * 86_400)) ?? .zero
        let interval = checker.duration(interval, at: "--interval", in: .milliseconds(100) ... .seconds(86_400)) ?? .zero
        if let network, network != "none", network != "open" {
            checker.report(OptionProblem("--network", "\"\(network)\" has no price of its own", remedy: "give none or open"))
        }
        if gpu?.contains(":") ?? false {
            checker.report(OptionProblem("--gpu", "names a number, and prices are for one", remedy: "give a type such as L4"))
        }
        if mine, all { checker.report(OptionProblem("--mine", "is given beside --all", remedy: "give one of the two")) }
        var options = try SandboxOptions.parse([])
        (options.cpu, options.memory, options.disk, options.gpu) = (cpu, memory, disk, gpu)
        (options.isolation, options.network, options.region) = (isolation, network, region)
        try checker.finish()
        return Question(
            spec: try SpecBuilder.request(from: options, snapshot: nil).spec, duration: duration, interval: interval,
            scope: mine ? .mine : all ? .all : .market)
    }
}
