import ArgumentParser
import Sandstorm

/// `sandstorm files ls`
struct FilesListCommand: ReportingCommand {
    static let configuration = CommandConfiguration(commandName: "ls", abstract: "Lists a directory.", aliases: ["list"])

    @Argument(help: ArgumentHelp("The directory.", valueName: "sandbox:path"))
    var path: String

    @Flag(name: .shortAndLong, help: "Also modes, owners, sizes and times.")
    var long = false

    @Option(help: ArgumentHelp("How many levels of directories, 1 for its own entries.", valueName: "number"))
    var depth = 1

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var place: PlaceOptions

    func execute() async throws -> ExitCode {
        guard depth >= 1 else { throw CommandFailure([OptionProblem("--depth", "is out of range", remedy: "give 1 or more")]) }
        return try await place.onFiles(path) { files, path in
            let entries = try await files.list(path, depth: depth)
            guard !json else {
                return try await StandardOutput.output.line(JSONValue.object(["entries": .array(entries.map(\.json))]).encoded)
            }
            var table = Table()
            for entry in entries {
                let name = (depth == 1 ? entry.name : entry.path) + (entry.kind == .directory ? "/" : "")
                if long {
                    table.add(
                        entry.modeText, entry.owner, entry.group, ByteCount.display(entry.size), entry.modifiedAt.rfc3339,
                        name + (entry.linkTarget.map { " -> \($0)" } ?? ""))
                } else {
                    table.add(name)
                }
            }
            try await StandardOutput.output.write(Array(table.text.utf8))
        }
    }
}
