import ArgumentParser
import Sandstorm

/// The program `sandstorm`.
@main struct SandstormCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sandstorm",
        abstract: "Runs code in sandboxes, here or anywhere.",
        discussion: """
            Without a gateway the engine runs inside this program, with sandboxes on this machine. SANDSTORM_URL or --gateway \
            sends runs to a gateway instead.

              sandstorm run hello.py
              sandstorm run -c 'console.log(6*7)' --language javascript
              sandstorm run -- uname -a
              sandstorm shell
            """,
        version: SandstormVersion.current,
        subcommands: [
            RunCommand.self, ExplainCommand.self, PricesCommand.self, ProvidersCommand.self, RunsCommand.self, LogsCommand.self,
            SandboxesCommand.self, ShellCommand.self, ExecCommand.self, FilesCommand.self, SnapshotsCommand.self, ServeCommand.self,
            KeysCommand.self, DoctorCommand.self,
        ])
}
