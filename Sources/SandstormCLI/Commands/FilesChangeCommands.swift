import ArgumentParser
import Sandstorm

/// `sandstorm files cat`
struct FilesShowCommand: ReportingCommand {
    static let configuration = CommandConfiguration(commandName: "cat", abstract: "Prints a file.")

    @Argument(help: ArgumentHelp("The file.", valueName: "sandbox:path"))
    var path: String

    @Flag(help: "Leave escape sequences as they are also when a terminal shows the output.")
    var raw = false

    @OptionGroup var place: PlaceOptions

    func execute() async throws -> ExitCode {
        try await place.onFiles(path) { files, path in try await FileCopy.show(try await files.open(path).bytes, isRaw: raw) }
    }
}

/// `sandstorm files rm`
struct FilesRemoveCommand: ReportingCommand {
    static let configuration = CommandConfiguration(commandName: "rm", abstract: "Removes a file or a directory.", aliases: ["remove"])

    @Argument(help: ArgumentHelp("What to remove.", valueName: "sandbox:path"))
    var path: String

    @Flag(name: .shortAndLong, help: "A directory with everything in it.")
    var recursive = false

    @OptionGroup var place: PlaceOptions

    func execute() async throws -> ExitCode {
        try await place.onFiles(path) { files, path in try await files.remove(path, recursively: recursive) }
    }
}

/// `sandstorm files mkdir`
struct FilesMakeDirectoryCommand: ReportingCommand {
    static let configuration = CommandConfiguration(commandName: "mkdir", abstract: "Makes a directory and its parents.")

    @Argument(help: ArgumentHelp("The directory.", valueName: "sandbox:path"))
    var path: String

    @OptionGroup var place: PlaceOptions

    func execute() async throws -> ExitCode {
        try await place.onFiles(path) { files, path in _ = try await files.makeDirectory(path) }
    }
}

/// `sandstorm files mv`
struct FilesMoveCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "mv", abstract: "Moves or renames something inside one sandbox.", aliases: ["move"])

    @Argument(help: ArgumentHelp("What to move.", valueName: "sandbox:path"))
    var source: String

    @Argument(help: ArgumentHelp("Its new path, in the same sandbox.", valueName: "sandbox:path"))
    var destination: String

    @Flag(name: .shortAndLong, help: "Replace a file that is there.")
    var force = false

    @OptionGroup var place: PlaceOptions

    func execute() async throws -> ExitCode {
        var checker = ArgumentChecker()
        let to = checker.path(destination, at: "DESTINATION")
        let from = checker.path(source, at: "SOURCE")
        if checker.problems.isEmpty, from.sandbox != to.sandbox {
            checker.report(OptionProblem("DESTINATION", "is in another sandbox", remedy: "copy it with sandstorm files cp"))
        }
        checker.report(place.problem(needingGatewayFor: "SOURCE"))
        try checker.finish()
        try await place.withSandstorm { sandstorm in
            _ = try await sandstorm.sandbox(from.sandbox).files.move(from.path, to: to.path, replacing: force)
        }
        return .success
    }
}

/// `sandstorm files stat`
struct FilesInfoCommand: ReportingCommand {
    static let configuration = CommandConfiguration(commandName: "stat", abstract: "Shows what is known of a file.", aliases: ["info"])

    @Argument(help: ArgumentHelp("The file.", valueName: "sandbox:path"))
    var path: String

    @Flag(name: .customShort("L"), help: "A link stands for what it points to.")
    var follow = false

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var place: PlaceOptions

    func execute() async throws -> ExitCode {
        try await place.onFiles(path) { files, path in
            let info = try await files.info(path, followingLinks: follow)
            guard !json else { return try await StandardOutput.output.line(info.json.encoded) }
            var table = Table()
            table.add("path", info.path + (info.linkTarget.map { " -> \($0)" } ?? ""))
            table.add("type", info.kind.rawValue)
            table.add("size", "\(info.size) (\(ByteCount.display(info.size)))")
            table.add("mode", "0\(String(info.mode, radix: 8)) (\(info.modeText))")
            table.add("owner", "\(info.owner):\(info.group)")
            table.add("modified", info.modifiedAt.rfc3339)
            try await StandardOutput.output.write(Array(table.text.utf8))
        }
    }
}

/// `sandstorm files watch`
struct FilesWatchCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "Prints what changes in a directory, until Ctrl-C.")

    @Argument(help: ArgumentHelp("The directory.", valueName: "sandbox:path"))
    var path: String

    @Flag(name: .shortAndLong, help: "Also in its subdirectories.")
    var recursive = false

    @Flag(help: "Print JSON, one change a line.")
    var json = false

    @OptionGroup var place: PlaceOptions

    func execute() async throws -> ExitCode {
        try await place.onFiles(path) { files, path in
            for try await change in try await files.watch(path, recursively: recursive) {
                let text = json ? change.json.encoded : "\(change.kind.rawValue) \(change.path.printable)"
                try await StandardOutput.output.line(text)
            }
        }
    }
}
