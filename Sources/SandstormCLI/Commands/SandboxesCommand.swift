import ArgumentParser
import Sandstorm

/// `sandstorm sandboxes`
struct SandboxesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sandboxes", abstract: "Makes, lists and ends living sandboxes.",
        discussion: "Without a gateway a sandbox lives no longer than the program that made it, so that most of these need one.",
        subcommands: [
            SandboxesListCommand.self, SandboxesCreateCommand.self, SandboxesGetCommand.self, SandboxesKillCommand.self,
            SandboxesRenewCommand.self, SandboxesPauseCommand.self, SandboxesResumeCommand.self, SandboxesForkCommand.self,
            SandboxesUsageCommand.self,
        ],
        defaultSubcommand: SandboxesListCommand.self, aliases: ["sandbox"])
}

extension SandboxInfo {
    /// Everything about the sandbox, for people.
    func describe() async throws {
        var table = Table()
        table.add("sandbox", id.rawValue)
        table.add("state", state.rawValue + (failure.map { ": \($0.detail)" } ?? ""))
        table.add("provider", (provider == .none ? "-" : provider.rawValue) + (region.map { " in \($0)" } ?? ""))
        table.add("isolation", spec.isolation.rawValue)
        let gpu = spec.gpu.map { ", \($0.count) × \($0.type)" } ?? ""
        table.add("resources", "\(spec.cpu) vCPU, \(spec.memory) MiB memory, \(spec.disk) GiB disk\(gpu)")
        if let image = spec.image { table.add("image", image) }
        for (name, value) in spec.metadata.sorted(by: { $0.key < $1.key }) { table.add("label", "\(name)=\(value)") }
        if let snapshot { table.add("snapshot", snapshot.rawValue) }
        if let parent { table.add("forked from", parent.rawValue) }
        table.add("created", createdAt.rfc3339)
        if let endedAt { table.add("ended", endedAt.rfc3339) } else { table.add("lease until", leaseUntil.rfc3339) }
        table.add("cost", cost.description)
        table.add("run", run.rawValue)
        try await StandardOutput.output.write(Array(table.text.utf8))
    }

    /// Writes the sandbox's id, or all of it as JSON.
    func print(asJSON json: Bool) async throws {
        try await StandardOutput.output.line(json ? self.json.encoded : id.rawValue)
    }
}
