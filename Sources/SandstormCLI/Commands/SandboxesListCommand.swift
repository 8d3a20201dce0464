import ArgumentParser
import Sandstorm

/// `sandstorm sandboxes list`
struct SandboxesListCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists sandboxes, newest first.",
        discussion: "Those that have ended are left out, unless --all or --state says otherwise.", aliases: ["ls"])

    @Option(
        name: .customLong("state"), help: ArgumentHelp("Only sandboxes in this state.", valueName: "state"),
        completion: .list(SandboxState.allCases.map(\.rawValue)))
    var states: [String] = []

    @Flag(name: .shortAndLong, help: "Also those that have ended.")
    var all = false

    @Option(name: .customLong("label"), help: ArgumentHelp("Only sandboxes with this label.", valueName: "name=value"))
    var labels: [String] = []

    @Option(help: ArgumentHelp("How many, up to 200.", valueName: "number"))
    var limit = 50

    @Option(help: ArgumentHelp("Only sandboxes older than this one.", valueName: "sandbox id"))
    var before: String?

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var place: PlaceOptions

    func execute() async throws -> ExitCode {
        var checker = ArgumentChecker()
        let states = checkedStates(&checker)
        let metadata = checker.pairs(labels, at: "--label")
        let before = before.map { checker.sandbox($0, at: "--before") }
        if !(1...200).contains(limit) { checker.report(OptionProblem("--limit", "is out of range", remedy: "ask for 1 to 200")) }
        try checker.finish()
        let sandboxes = try await place.withSandstorm {
            try await $0.sandboxes(in: states, metadata: metadata, before: before, limit: limit)
        }
        if json {
            try await StandardOutput.output.line(JSONValue.object(["sandboxes": .array(sandboxes.map(\.json))]).encoded)
            return .success
        }
        var table = Table("sandbox", "state", "provider", "created", "lease until", "cost", "labels")
        for sandbox in sandboxes {
            table.add(
                sandbox.id.rawValue, sandbox.state.rawValue, sandbox.provider == .none ? "-" : sandbox.provider.rawValue,
                sandbox.createdAt.rfc3339, sandbox.state == .ended ? "-" : sandbox.leaseUntil.rfc3339, sandbox.cost.description,
                sandbox.spec.metadata.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " "))
        }
        try await StandardOutput.output.write(Array(table.text.utf8))
        return .success
    }

    private func checkedStates(_ checker: inout ArgumentChecker) -> Set<SandboxState> {
        for name in states where SandboxState(rawValue: name) == nil {
            let known = SandboxState.allCases.map(\.rawValue).joined(separator: ", ")
            checker.report(OptionProblem("--state", "\"\(name)\" is no state", remedy: "use one of \(known)"))
        }
        if all, !states.isEmpty { checker.report(OptionProblem("--all", "is given beside --state", remedy: "give one of the two")) }
        if all { return [] }
        return states.isEmpty ? [.creating, .running, .paused] : Set(states.compactMap(SandboxState.init))
    }
}
