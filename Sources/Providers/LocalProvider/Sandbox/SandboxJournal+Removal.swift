#if os(Linux)
import Glibc
import SandstormCore

extension SandboxJournal {
    private static let patience = Duration.seconds(10)

    /// Ends everything that runs in the sandbox and removes everything that exists of it. Blocking; may be repeated.
    ///
    /// - Parameter child: the launcher's process, if this process has started it.
    /// - Throws: `unavailable` if something still runs; the journal is then still there.
    func remove(child: ChildProcess?) throws(ProviderError) {
        deleteFromRuntime()
        guard endProcesses(child) else {
            throw ProviderError(
                .unavailable, "sandbox \(id) has processes that don't end; the kernel may be stuck", mayHaveTakenEffect: true)
        }
        if let runtime, let directory = runtime.last.map({ "\($0)/\(id)" }), HostFile.exists(directory) {
            // It was still being made when it was to be deleted.
            deleteFromRuntime()
            HostFile.removeTree(directory)
        }
        if let mountPoint {
            Mount.unmount(mountPoint)
            if let loopDevice { LoopDevice.awaitDetached(loopDevice, from: diskImage) }
            rmdir(mountPoint)
        }
        group?.remove()
        // The journal goes last: as long as anything is left, the sandbox is on the list.
        for name in HostFile.names(in: directory) where name != Self.fileName { HostFile.removeTree("\(directory)/\(name)") }
        if let slotFile, HostFile.text(slotFile) == id { unlink(slotFile) }
        unlink("\(directory)/\(Self.fileName)")
        rmdir(directory)
    }

    private func deleteFromRuntime() {
        guard let runtime, let program = runtime.first else { return }
        // It says so when it does not know the sandbox; nobody listens.
        guard let child = try? ChildProcess.spawn([program] + runtime.dropFirst() + ["delete", "--force", id], ChildProcess.Descriptors())
        else { return }
        if child.reap(within: Self.patience) == nil {
            child.kill()
            _ = child.reap(within: .seconds(1))
        }
    }

    /// Kills from the inside out: the launcher ends by itself once the sandbox's first process, which it reaps, has ended. Killed before, it would
    /// leave that process to the machine's init, and a container may have none that reaps.
    ///
    /// - Returns: whether nothing runs any more.
    private func endProcesses(_ child: ChildProcess?) -> Bool {
        let clock = ContinuousClock()
        let start = clock.now
        var pause: UInt32 = 100
        while true {
            let launcher = child?.identity ?? process
            let hasLauncherEnded = child.map { $0.reap() != nil } ?? !(launcher?.isAlive ?? false)
            let members = group?.processes ?? []
            if hasLauncherEnded, members.isEmpty { return true }
            let elapsed = clock.now - start
            guard elapsed < Self.patience else { return false }
            let isLate = elapsed > .milliseconds(500)
            let launcherPID = hasLauncherEnded ? nil : launcher?.pid
            let inner =
                members.isEmpty
                ? hasLauncherEnded ? [] : Set(launcher?.children ?? []) : members.subtracting([launcherPID].compactMap(\.self))
            // 0 stands for a process that this pid namespace doesn't show; to kill it would be to kill ourselves.
            for pid in inner where pid > 1 { _ = Glibc.kill(pid, SIGKILL) }
            if isLate { group?.killAtOnce() }
            if !hasLauncherEnded, inner.isEmpty || isLate {
                if let child { child.kill() } else if let launcher, launcher.isAlive { _ = Glibc.kill(launcher.pid, SIGKILL) }
            }
            usleep(pause)
            pause = min(pause * 2, 5000)
        }
    }
}
#endif
