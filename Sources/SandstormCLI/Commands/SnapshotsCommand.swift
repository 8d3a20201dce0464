import ArgumentParser
import Sandstorm

/// `sandstorm snapshots`
struct SnapshotsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshots", abstract: "Keeps copies of sandboxes, from which others can start.",
        discussion: "sandstorm sandboxes create --snapshot makes a sandbox from one.",
        subcommands: [SnapshotsListCommand.self, SnapshotsCreateCommand.self, SnapshotsDeleteCommand.self],
        defaultSubcommand: SnapshotsListCommand.self, aliases: ["snapshot"])
}

/// `sandstorm snapshots list`
struct SnapshotsListCommand: ReportingCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "Lists snapshots, newest first.", aliases: ["ls"])

    @Option(help: ArgumentHelp("Only those of this sandbox.", valueName: "sandbox"))
    var sandbox: String?

    @Option(help: ArgumentHelp("How many, up to 200.", valueName: "number"))
    var limit = 50

    @Option(help: ArgumentHelp("Only snapshots older than this one.", valueName: "snapshot id"))
    var before: String?

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var place: PlaceOptions

    func execute() async throws -> ExitCode {
        var checker = ArgumentChecker()
        let sandbox = sandbox.map { checker.sandbox($0, at: "--sandbox") }
        let snapshot = before.flatMap { SnapshotID($0) }
        if let before, snapshot == nil { checker.report(.noSnapshotID(before, at: "--before")) }
        if !(1...200).contains(limit) { checker.report(OptionProblem("--limit", "is out of range", remedy: "ask for 1 to 200")) }
        try checker.finish()
        let snapshots = try await place.withSandstorm { try await $0.snapshots(of: sandbox, before: snapshot, limit: limit) }
        if json {
            try await StandardOutput.output.line(JSONValue.object(["snapshots": .array(snapshots.map(\.json))]).encoded)
            return .success
        }
        var table = Table("snapshot", "kind", "sandbox", "provider", "created", "name")
        for snapshot in snapshots {
            table.add(
                snapshot.id.rawValue, snapshot.kind.rawValue, snapshot.sandbox.rawValue, snapshot.provider.rawValue,
                snapshot.createdAt.rfc3339, snapshot.name ?? "-")
        }
        try await StandardOutput.output.write(Array(table.text.utf8))
        return .success
    }
}

/// `sandstorm snapshots create`
struct SnapshotsCreateCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Keeps a copy of a sandbox, which goes on, and prints the snapshot's id.")

    @Argument(help: ArgumentHelp("The sandbox.", valueName: "sandbox"))
    var sandbox: String

    @Option(help: ArgumentHelp("A name of your own for it.", valueName: "text"))
    var name: String?

    @Option(
        help: ArgumentHelp("What to keep: filesystem, or memory too.", valueName: "kind"),
        completion: .list(SnapshotKind.allCases.map(\.rawValue)))
    var kind = SnapshotKind.filesystem.rawValue

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var place: PlaceOptions

    func execute() async throws -> ExitCode {
        var checker = ArgumentChecker()
        let kind = SnapshotKind(rawValue: kind)
        if kind == nil { checker.report(OptionProblem("--kind", "\"\(self.kind)\" is no kind", remedy: "use filesystem or memory")) }
        return try await place.onSandbox(sandbox, checker) { sandbox in
            let progress = Progress("keeping a copy")
            defer { progress.end() }
            let snapshot = try await sandbox.snapshot(kind ?? .filesystem, name: name)
            progress.end()
            try await StandardOutput.output.line(json ? snapshot.json.encoded : snapshot.id.rawValue)
        }
    }
}

/// `sandstorm snapshots delete`
struct SnapshotsDeleteCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Removes snapshots; sandboxes made from them live on.", aliases: ["rm"])

    @Argument(help: ArgumentHelp("The snapshots.", valueName: "snapshot id"))
    var snapshots: [String]

    @OptionGroup var place: PlaceOptions

    func execute() async throws -> ExitCode {
        var checker = ArgumentChecker()
        for text in snapshots where SnapshotID(text) == nil { checker.report(.noSnapshotID(text, at: "SNAPSHOT")) }
        try checker.finish()
        return try await place.withSandstorm { sandstorm in
            var code = ExitCode.success
            for id in snapshots.compactMap({ SnapshotID($0) }) {
                do throws(SandstormError) {
                    try await sandstorm.deleteSnapshot(id)
                } catch {
                    if error.kind == .cancelled { throw error }
                    Terminal.tell("sandstorm: \(id): \(error.message)")
                    code = .sandstormFailed
                }
            }
            return code
        }
    }
}
