import CLinux
import Glibc

/// The processes that the agent has started and not yet reaped, and the end of all the others.
struct ProcessTable {
    private var channels: [pid_t: UInt32] = [:]

    mutating func insert(_ pid: pid_t, channel: UInt32) {
        channels[pid] = channel
    }

    /// - Returns: the process's channel; nil for an orphan that was re-parented to the agent.
    mutating func remove(_ pid: pid_t) -> UInt32? {
        channels.removeValue(forKey: pid)
    }

    /// Makes orphans come to the agent when it is not pid 1, so that none escapes ``killAll()``.
    func adoptOrphans() {
        _ = sandstorm_prctl(PR_SET_CHILD_SUBREAPER, 1)
    }

    /// Reaps one child that has ended, whoever started it.
    static func reapOne() -> (pid: pid_t, exit: AgentExit)? {
        var status: Int32 = 0
        var usage = rusage()
        while true {
            let pid = wait4(-1, &status, WNOHANG, &usage)
            if pid > 0 { return (pid, AgentExit(waitStatus: status, usage)) }
            guard pid < 0, errno == EINTR else { return nil }
        }
    }

    /// Kills everything in the sandbox, or, when the agent is not its first process, everything that descends from the agent.
    func killAll() {
        guard getpid() != 1 else {
            // The kernel kills what comes to life meanwhile, when pid 1 exits.
            _ = kill(-1, SIGKILL)
            return
        }
        for pid in channels.keys {
            _ = kill(-pid, SIGKILL)
        }
        killDescendants()
    }

    /// Orphans come to the agent as their parents die, so a few rounds get to the bottom of any tree. The bound (a quarter of a second) is for
    /// trees that grow faster than they are felled, and for children that may not be killed: a set-uid program's, or one stuck in the kernel.
    private func killDescendants() {
        for _ in 0..<250 {
            let children = Self.children()
            guard !children.isEmpty else { return }
            for pid in children {
                _ = kill(pid, SIGKILL)
            }
            var isProgress = false
            while Self.reapOne() != nil {
                isProgress = true
            }
            if !isProgress {
                usleep(1000)
            }
        }
    }

    /// The agent's direct children. None where the kernel doesn't tell (CONFIG_PROC_CHILDREN, no /proc).
    private static func children() -> [pid_t] {
        let path = Array("/proc/self/task/\(getpid())/children".utf8)
        guard let file = try? Descriptor.open(path, O_RDONLY) else { return [] }
        var text: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while case .count(let count) = chunk.withUnsafeMutableBytes({ file.read(into: $0) }), count > 0 {
            text.append(contentsOf: chunk[..<count])
        }
        return text.split(separator: UInt8(ascii: " ")).compactMap { pid_t(String(decoding: $0, as: UTF8.self)) }.filter { $0 > 1 }
    }
}

extension AgentExit {
    fileprivate init(waitStatus: Int32, _ usage: rusage) {
        // WIFEXITED and its siblings are macros with casts, which Swift does not import.
        let signal = waitStatus & 0x7f
        self.init(
            status: signal == 0 ? .code((waitStatus >> 8) & 0xff) : .signal(signal),
            userMicroseconds: Self.microseconds(usage.ru_utime),
            systemMicroseconds: Self.microseconds(usage.ru_stime),
            maximumResidentKiB: UInt64(clamping: usage.ru_maxrss)
        )
    }

    private static func microseconds(_ time: timeval) -> UInt64 {
        UInt64(clamping: time.tv_sec) * 1_000_000 + UInt64(clamping: time.tv_usec)
    }
}
