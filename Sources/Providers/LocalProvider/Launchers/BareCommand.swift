#if os(Linux)
package import SandstormCore

extension LocalProvider {
    /// How bubblewrap alone would run `program` with the mounts and namespaces of a sandbox, but without an agent, limits, or a user of its
    /// own: the yardstick for what a sandbox costs.
    ///
    /// - Returns: the words of the command, and the file that has to be open as descriptor 3.
    /// - Throws: ``ProviderError`` if this machine makes no such sandboxes.
    package func bareCommand(running program: [String]) throws(ProviderError) -> (arguments: [String], filter: String) {
        let host = try host.get()
        guard let launcher = survey?.launchers[.standard] as? BubblewrapLauncher else { throw .unsupported("bubblewrap") }
        let root = host.rootFilesystem(
            base: host.system.entries(.none), storage: .memory(bytes: 1 << 30), hasMemoryGroup: false)
        let plan = LaunchPlan(
            id: "bare", directory: host.shareDirectory, root: root, network: .none, user: nil,
            limits: SandboxLimits(SandboxSpec(command: program).resources, processes: 512), group: nil, program: program)
        do throws(SystemError) {
            let command = try launcher.prepare(plan)
            // What stands before the first "--" prepares limits and user, which bubblewrap by itself has not.
            guard let separator = command.arguments.firstIndex(of: "--"), let filter = command.fourth else {
                throw SystemError(0, in: "bubblewrap's command")
            }
            return (Array(command.arguments[(separator + 1)...].drop { $0 != launcher.program }), filter)
        } catch {
            throw error.providerError("bubblewrap's command can't be written")
        }
    }
}
#endif
