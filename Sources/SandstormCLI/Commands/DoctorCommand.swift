import ArgumentParser
import LocalProvider
import Sandstorm

/// `sandstorm doctor`
struct DoctorCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Shows what keeps sandboxes apart on this machine, and how to get what is missing.",
        discussion: "Exits with 0 if sandboxes can be made here, else with 1.")

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var data: DataOptions

    func execute() async throws -> ExitCode {
        let provider = await EmbeddedGateway.provider(in: data.directory)
        let guarantees = provider.diagnose()
        let canRun = !provider.capabilities.isolation.isEmpty
        if json {
            let object: JSONObject = ["canRun": .bool(canRun), "guarantees": .array(guarantees.map(\.json))]
            try await StandardOutput.output.line(JSONValue.object(object).encoded)
        } else {
            try await StandardOutput.output.write(Array(DoctorCommand.text(guarantees, canRun: canRun).utf8))
        }
        return canRun ? .success : .failure
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
