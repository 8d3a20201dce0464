import CLinux
import Glibc

/// The first process in a sandbox of ours, and, as `launch`, the last step on the way into one.
@main
enum SandstormAgent {
    static let version = "0.1.0"

    static func main() {
        let arguments = CommandLine.arguments.dropFirst()
        switch arguments.first {
        case "--version":
            print("sandstorm-agent \(version) (protocol \(AgentProtocol.version))")
        case "launch":
            Launcher.run(arguments.dropFirst())
        case "contain":
            Container.run(arguments.dropFirst())
        case "network":
            NetworkHolder.run(arguments.dropFirst())
        case nil:
            exit(serve(.socket(0)))
        case "--stdio":
            exit(serve(.pipes(input: 0, output: 1)))
        case "--fd":
            guard arguments.count == 2, let number = arguments.last.flatMap({ Int32($0) }), number >= 0 else {
                fail("--fd needs the number of an open file descriptor", status: 64)
            }
            exit(serve(.socket(number)))
        default:
            fail("usage: sandstorm-agent [--fd N | --stdio | --version | launch … | contain … | network …]", status: 64)
        }
    }

    private static func serve(_ transport: Transport.Origin) -> Int32 {
        // Commands run as the same user: none may trace the agent, read its memory, or take its socket to speak to the gateway in its name.
        _ = sandstorm_prctl(PR_SET_DUMPABLE, 0)
        do throws(SystemError) {
            let session = try Session(over: transport)
            return session.run()
        } catch {
            fail(error.description, status: 125)
        }
    }

    /// Says why the agent cannot run, the only thing that it ever prints, and exits.
    static func fail(_ message: String, status: Int32) -> Never {
        let line = Array("sandstorm-agent: \(message)\n".utf8)
        _ = write(2, line, line.count)
        exit(status)
    }
}
