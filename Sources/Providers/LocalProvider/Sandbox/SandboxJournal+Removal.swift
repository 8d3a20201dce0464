#if os(Linux)
import Glibc
import SandstormCore

extension SandboxJournal {
    /// Long enough for a busy machine: to end, a process needs the kernel's locks on the libraries that it shares with all others, and where
    /// a fork bomb queues for the same ones, each of its processes with next to no CPU, that was seen to take more than 30 s.
    private static let patience = Duration.seconds(60)

    /// Ends everything that runs in the sandbox and removes everything that exists of it. Blocking; may be repeated.
    ///
    /// - Parameters:
    ///   - child: the launcher's process, if this process has started it.
    ///   - helpers: those of the journal's that this process has started.
    /// - Throws: `unavailable` if something still runs; the journal is then still there.
    func remove(child: ChildProcess?, helpers: [ChildProcess] = []) throws(ProviderError) {
        // What waits for a disk at rest, or is frozen, can't die.
        if let mountPoint { DiskImage.release(mountPoint) }
        if let group, group.isFrozen {
            for pid in group.processes where pid > 1 { _ = Glibc.kill(pid, SIGKILL) }
            group.thawToDie()
        }
        deleteFromRuntime()
        guard endProcesses(child), endHelpers(helpers) else {
            throw ProviderError(
                .unavailable, "sandbox \(id) has processes that don't end; the kernel may be stuck", mayHaveTakenEffect: true)
        }
        if let runtime, let directory = runtime.last.map({ "\($0)/\(id)" }), HostFile.exists(directory) {
            // It was still being made when it was to be deleted.
            deleteFromRuntime()
            HostFile.removeTree(directory)
        }
        if let mountPoint {
            if let loopDevice { DiskImage.abandon(mountedAt: mountPoint, loopDevice: loopDevice, image: diskImage) }
            Mount.unmount(mountPoint)
            if let loopDevice { LoopDevice.awaitDetached(loopDevice, from: diskImage) }
            rmdir(mountPoint)
        }
        group?.remove()
        // A runtime joins hierarchies that are not ours too, and leaves them behind when it is told twice or killed meanwhile.
        if runtime != nil { ControlGroups.removeStrays(of: id) }
        if let portsDirectory { HostFile.removeTree(portsDirectory) }
        // The journal goes last: as long as anything is left, the sandbox is on the list.
        for name in HostFile.names(in: directory) where name != Self.fileName { HostFile.removeTree("\(directory)/\(name)") }
        if let slotFile, HostFile.text(slotFile) == id { unlink(slotFile) }
        // With its journal at once: no crash leaves the one without the other.
        if let trash = try? DraftName.new(in: HostFile.parent(of: directory)), rename(directory, trash) == 0 { HostFile.removeTree(trash) }
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

    /// Kills the processes beside the sandbox.
    ///
    /// - Returns: whether none runs any more.
    private func endHelpers(_ children: [ChildProcess]) -> Bool {
        let ours = Set(children.map(\.pid))
        for child in children { child.kill() }
        for helper in helpers where !ours.contains(helper.pid) && helper.isAlive { _ = Glibc.kill(helper.pid, SIGKILL) }
        let deadline = ContinuousClock.now + Self.patience
        var pause: UInt32 = 100
        while !(children.allSatisfy { $0.reap() != nil } && helpers.allSatisfy { ours.contains($0.pid) || !$0.isAlive }) {
            guard ContinuousClock.now < deadline else { return false }
            usleep(pause)
            pause = min(pause * 2, 5000)
        }
        return true
    }

    /// Kills from the inside out: the launcher ends by itself once the sandbox's first process, which it reaps, has ended. Killed before, it would
    /// leave that process to the machine's init, and a container may have none that reaps.
    ///
    /// - Returns: whether nothing runs any more.
    private func endProcesses(_ child: ChildProcess?) -> Bool {
        let clock = ContinuousClock()
        let start = clock.now
        var pause: UInt32 = 100
        var isHastened = false
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
            if elapsed > .milliseconds(50), !isHastened {
                isHastened = true
                group?.hasten()
            }
            // Somebody may freeze it while it is killed.
            if elapsed > .milliseconds(5) {
                group?.thawToDie()
                if let mountPoint { DiskImage.release(mountPoint) }
            }
            if !hasLauncherEnded, inner.isEmpty || isLate {
                if let child { child.kill() } else if let launcher, launcher.isAlive { _ = Glibc.kill(launcher.pid, SIGKILL) }
            }
            usleep(pause)
            pause = min(pause * 2, 5000)
        }
    }
}
#endif
