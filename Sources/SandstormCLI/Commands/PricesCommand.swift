import ArgumentParser
import Sandstorm

/// `sandstorm prices`
struct PricesCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "prices", abstract: "Shows what a sandbox would cost at every place that can have it, cheapest first.")

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

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var place: PlaceOptions

    func execute() async throws -> ExitCode {
        let (spec, duration) = try checked()
        let prices = try await place.withSandstorm { try await $0.prices(of: spec, for: duration) }
        if json {
            let object: JSONObject = ["duration": .integer(duration.wholeMilliseconds), "prices": .array(prices.map(\.json))]
            try await StandardOutput.output.line(JSONValue.object(object).encoded)
            return .success
        }
        guard !prices.isEmpty else {
            Terminal.tell("sandstorm: no place can have such a sandbox; sandstorm explain says why")
            return .success
        }
        var table = Table("offer", "region", "isolation", "cost for \(duration.display)", "per hour", "starts after")
        for price in prices {
            let hourly = price.offer.price.cost(of: price.offer.resources, for: .seconds(3600))
            table.add(
                price.offer.id, price.offer.region ?? "-", price.offer.isolation.rawValue, price.cost?.description ?? "unknown",
                hourly?.description ?? "unknown", price.offer.startLatency.display)
        }
        try await StandardOutput.output.write(Array(table.text.utf8))
        return .success
    }

    private func checked() throws -> (SandboxSpec, Duration) {
        var checker = ArgumentChecker()
        let duration = checker.duration(duration, at: "--duration", in: .milliseconds(1) ... .seconds(31 * 86_400)) ?? .zero
        if let network, network != "none", network != "open" {
            checker.report(OptionProblem("--network", "\"\(network)\" has no price of its own", remedy: "give none or open"))
        }
        if gpu?.contains(":") ?? false {
            checker.report(OptionProblem("--gpu", "names a number, and prices are for one", remedy: "give a type such as L4"))
        }
        var options = try SandboxOptions.parse([])
        (options.cpu, options.memory, options.disk, options.gpu) = (cpu, memory, disk, gpu)
        (options.isolation, options.network) = (isolation, network)
        try checker.finish()
        return (try SpecBuilder.request(from: options, snapshot: nil).spec, duration)
    }
}
