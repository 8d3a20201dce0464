import ArgumentParser
import Sandstorm

/// `sandstorm files`
struct FilesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "files", abstract: "Copies, shows and changes the files of a living sandbox.",
        discussion: """
            A path in a sandbox is written SANDBOX:/PATH; relative ones are below /workspace.

              sandstorm files cp data.csv sbx_…:/workspace/
              sandstorm files cp sbx_…:/workspace/results ./results
            """,
        subcommands: [
            FilesListCommand.self, FilesCopyCommand.self, FilesShowCommand.self, FilesRemoveCommand.self, FilesMakeDirectoryCommand.self,
            FilesMoveCommand.self, FilesInfoCommand.self, FilesWatchCommand.self,
        ])
}

extension PlaceOptions {
    /// Does something with the files of a sandbox that another program made.
    func onFiles(_ text: String, _ work: (LivingSandboxFiles, String) async throws -> Void) async throws -> ExitCode {
        var checker = ArgumentChecker()
        let path = checker.path(text, at: "PATH")
        checker.report(problem(needingGatewayFor: "PATH"))
        try checker.finish()
        try await withSandstorm { try await work($0.sandbox(path.sandbox).files, path.path) }
        return .success
    }
}

extension FileInfo {
    /// As `ls -l` has it: kind and permissions.
    var modeText: String {
        let kind =
            switch kind {
            case .file: "-"
            case .directory: "d"
            case .symbolicLink: "l"
            case .other: "?"
            }
        let bits = Array("rwxrwxrwx")
        return kind + String((0..<9).map { mode & (0o400 >> UInt16($0)) != 0 ? bits[$0] : "-" })
    }
}
