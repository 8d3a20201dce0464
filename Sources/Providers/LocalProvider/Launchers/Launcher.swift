import SandstormCore

/// Makes a process into a sandbox.
protocol Launcher: Sendable {
    /// What the operator calls it: `bubblewrap`, `runc`.
    var name: String { get }
    /// What is expected from the call until the code starts.
    var startLatency: Duration { get }
    /// With the sandbox's id, how a runtime of its own is told to forget it; nil if there is none.
    var runtime: [String]? { get }
    /// It can put a sandbox into a network that is there already, with all that is refused there.
    var joinsNetworks: Bool { get }

    #if os(Linux)
    /// Writes what the launcher needs into the sandbox's directory, and says how it is started.
    func prepare(_ plan: LaunchPlan) throws(SystemError) -> LaunchCommand
    #endif
}

#if os(Linux)
/// A sandbox to be launched.
struct LaunchPlan: Sendable {
    var id: String
    /// The sandbox's own directory on the machine.
    var directory: String
    var root: RootFilesystem
    var network: NetworkAttachment
    /// nil if the gateway is an ordinary user, whose sandboxes run as the same.
    var user: SandboxUser?
    var limits: SandboxLimits
    var group: ControlGroup?
    /// The whole file system of a sandbox in which code may be root, in place of ``root``.
    var ownRoot: OwnRoot? = nil
    /// What to run inside; first an absolute path.
    var program: [String] = [RootFilesystem.agent]
}

/// How a launcher is started.
struct LaunchCommand: Sendable {
    /// The program's absolute path first.
    var arguments: [String]
    /// Opened as descriptor 3.
    var fourth: String?
    /// The socket is standard output too.
    var outputIsSocket = false
}
#endif
