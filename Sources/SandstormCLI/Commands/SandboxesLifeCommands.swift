import ArgumentParser
import Sandstorm

/// `sandstorm sandboxes renew`
struct SandboxesRenewCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "renew", abstract: "Sets a sandbox's lease to end that long from now, earlier or later than before.")

    @Argument(help: ArgumentHelp("The sandbox.", valueName: "sandbox"))
    var sandbox: String

    @Argument(help: ArgumentHelp("How long it is to live from now: 30s, 5m, 2h.", valueName: "time"))
    var time: String

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var place: PlaceOptions

    func execute() async throws -> ExitCode {
        var checker = ArgumentChecker()
        let id = checker.sandbox(sandbox)
        let time = checker.duration(time, at: "TIME") ?? .zero
        checker.report(place.problem(needingGatewayFor: "SANDBOX"))
        try checker.finish()
        let info = try await place.withSandstorm { try await $0.sandbox(id).renew(for: time) }
        try await StandardOutput.output.line(json ? info.json.encoded : info.leaseUntil.rfc3339)
        return .success
    }
}

/// `sandstorm sandboxes pause`
struct SandboxesPauseCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause", abstract: "Freezes every process of a sandbox; its lease goes on.")

    @Argument(help: ArgumentHelp("The sandbox.", valueName: "sandbox"))
    var sandbox: String

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var place: PlaceOptions

    func execute() async throws -> ExitCode {
        try await place.onSandbox(sandbox) { try await $0.pause().print(asJSON: json) }
    }
}

/// `sandstorm sandboxes resume`
struct SandboxesResumeCommand: ReportingCommand {
    static let configuration = CommandConfiguration(commandName: "resume", abstract: "Lets the processes of a paused sandbox go on.")

    @Argument(help: ArgumentHelp("The sandbox.", valueName: "sandbox"))
    var sandbox: String

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var place: PlaceOptions

    func execute() async throws -> ExitCode {
        try await place.onSandbox(sandbox) { try await $0.resume().print(asJSON: json) }
    }
}

/// `sandstorm sandboxes fork`
struct SandboxesForkCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "fork", abstract: "Makes a second sandbox with a sandbox's files, and prints its id.")

    @Argument(help: ArgumentHelp("The sandbox.", valueName: "sandbox"))
    var sandbox: String

    @Option(help: ArgumentHelp("How long the new one lives unless it is renewed. (default: as the first)", valueName: "time"))
    var timeout: String?

    @Option(
        name: .customLong("label"), help: ArgumentHelp("A label of the new one. (default: those of the first)", valueName: "name=value"))
    var labels: [String] = []

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var place: PlaceOptions

    func execute() async throws -> ExitCode {
        var checker = ArgumentChecker()
        let timeout = checker.duration(timeout, at: "--timeout")
        let metadata = checker.pairs(labels, at: "--label")
        return try await place.onSandbox(sandbox, checker) {
            try await $0.fork(timeout: timeout, metadata: metadata.isEmpty ? nil : metadata).info().print(asJSON: json)
        }
    }
}

/// `sandstorm sandboxes usage`
struct SandboxesUsageCommand: ReportingCommand {
    static let configuration = CommandConfiguration(commandName: "usage", abstract: "Shows what a sandbox uses at this moment.")

    @Argument(help: ArgumentHelp("The sandbox.", valueName: "sandbox"))
    var sandbox: String

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var place: PlaceOptions

    func execute() async throws -> ExitCode {
        try await place.onSandbox(sandbox) { sandbox in
            let usage = try await sandbox.usage()
            guard !json else { return try await StandardOutput.output.line(usage.json.encoded) }
            func size(_ bytes: Int64?, of limit: Int64?) -> String {
                (bytes.map(ByteCount.display) ?? "not told") + (limit.map { " of \(ByteCount.display($0))" } ?? "")
            }
            var table = Table()
            table.add("CPU time", usage.cpuTime?.display ?? "not told")
            table.add("memory", size(usage.memory, of: usage.memoryLimit))
            table.add("most memory", size(usage.peakMemory, of: usage.memoryLimit))
            table.add("disk", size(usage.disk, of: usage.diskLimit))
            table.add("processes", usage.processes.map(String.init) ?? "not told")
            try await StandardOutput.output.write(Array(table.text.utf8))
        }
    }
}

extension PlaceOptions {
    /// Does something with a sandbox that another program made.
    func onSandbox(
        _ text: String, _ checker: ArgumentChecker = ArgumentChecker(), _ work: (LivingSandbox) async throws -> Void
    ) async throws -> ExitCode {
        var checker = checker
        let id = checker.sandbox(text)
        checker.report(problem(needingGatewayFor: "SANDBOX"))
        try checker.finish()
        try await withSandstorm { try await work($0.sandbox(id)) }
        return .success
    }
}
