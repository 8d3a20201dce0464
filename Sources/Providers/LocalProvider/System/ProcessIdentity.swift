#if os(Linux)
import Glibc

/// A process that can't be confused with a later one of the same pid.
struct ProcessIdentity: Hashable, Sendable {
    let pid: Int32
    /// In clock ticks since the machine started.
    let startTime: UInt64

    init(pid: Int32, startTime: UInt64) {
        self.pid = pid
        self.startTime = startTime
    }

    /// The process that has `pid` now; nil if there is none.
    init?(of pid: Int32) {
        guard let fields = Self.status(of: pid) else { return nil }
        self.init(pid: pid, startTime: fields.startTime)
    }

    /// Whether it runs; one that has ended and was not waited for does not.
    var isAlive: Bool {
        guard let now = Self.status(of: pid) else { return false }
        return now.startTime == startTime && now.state != "Z" && now.state != "X"
    }

    /// Its children.
    var children: [Int32] {
        guard let text = HostFile.text("/proc/\(pid)/task/\(pid)/children") else { return [] }
        return text.split(separator: " ").compactMap { Int32($0) }
    }

    private static func status(of pid: Int32) -> (state: Substring, startTime: UInt64)? {
        // The second field is the program's name in parentheses, which may hold anything.
        guard pid > 0, let text = HostFile.text("/proc/\(pid)/stat"), let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 19, let startTime = UInt64(fields[19]) else { return nil }
        return (fields[0], startTime)
    }
}
#endif
