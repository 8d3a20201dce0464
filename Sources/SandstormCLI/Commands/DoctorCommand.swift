import ArgumentParser
import E2BProvider
import LocalProvider
import Sandstorm

/// `sandstorm doctor`
struct DoctorCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Shows what keeps sandboxes apart on this machine, and how to get what is missing.",
        discussion: """
            With --config also whether the accounts of a configuration can be used: each is asked once.
            Exits with 0 if sandboxes can be made here and all accounts can be used, else with 1.
            """)

    @Flag(help: "Print JSON.")
    var json = false

    @Option(
        help: ArgumentHelp("The JSON file of sandstorm serve --config, to try its accounts.", valueName: "file"),
        completion: .file(extensions: ["json"]))
    var config: String?

    @OptionGroup var data: DataOptions

    func execute() async throws -> ExitCode {
        let provider = await EmbeddedGateway.provider(in: data.directory)
        let accounts = try await accounts()
        let guarantees = provider.diagnose() + accounts
        let canRun = !provider.capabilities.isolation.isEmpty
        if json {
            let object: JSONObject = ["canRun": .bool(canRun), "guarantees": .array(guarantees.map(\.json))]
            try await StandardOutput.output.line(JSONValue.object(object).encoded)
        } else {
            try await StandardOutput.output.write(Array(DoctorCommand.text(guarantees, canRun: canRun).utf8))
        }
        return canRun && accounts.allSatisfy { $0.state == .ok } ? .success : .failure
    }

    /// How the accounts of a configuration are.
    private func accounts() async throws -> [Guarantee] {
        guard let config else { return [] }
        var problems: [OptionProblem] = []
        let file = ConfigurationFile(config, &problems)
        guard problems.isEmpty else { throw CommandFailure(problems) }
        // What it costs does not matter for whether it answers.
        guard let e2b = try file.accounts.e2bProvider({ nil }) else { return [] }
        return await e2b.findings().map { account, problem in
            Guarantee(
                id: "account.e2b.\(account)", title: "account \(account) at e2b", state: problem == nil ? .ok : .missing,
                mechanism: problem?.description ?? "the control plane takes the key",
                remedy: problem.map(DoctorCommand.remedy))
        }
    }

    private static func remedy(_ problem: ProviderError) -> String {
        switch problem.code {
        case .unauthenticated: "correct the API key"
        case .forbidden, .outOfCredit: "look at the account on the provider's pages"
        default: "see that apiURL or domain is right, and that this machine gets there"
        }
    }

    static func text(_ guarantees: [Guarantee], canRun: Bool) -> String {
        let style = Style(isEnabled: Terminal.showsColours)
        let width = guarantees.map(\.title.count).max() ?? 0
        var text = ""
        for guarantee in guarantees {
            let title = guarantee.title.printable
            text +=
                "\(style.mark(guarantee.state)) \(title)\(String(repeating: " ", count: width - title.count))  \(guarantee.mechanism.printable)\n"
            if let remedy = guarantee.remedy { text += String(repeating: " ", count: width + 12) + "fix: \(remedy.printable)\n" }
        }
        return text + (canRun ? "Sandboxes can be made here.\n" : "No sandbox can be made here.\n")
    }
}

extension Style {
    /// A state in a column of its own.
    fileprivate func mark(_ state: Guarantee.State) -> String {
        switch state {
        case .ok: green("ok      ")
        case .degraded: yellow("degraded")
        case .missing: red("missing ")
        }
    }
}

extension Guarantee {
    fileprivate var json: JSONValue {
        var object: JSONObject = [
            "id": .string(id), "title": .string(title), "state": .string(state.rawValue), "mechanism": .string(mechanism),
        ]
        object["remedy"] = remedy.map(JSONValue.string)
        return .object(object)
    }
}
