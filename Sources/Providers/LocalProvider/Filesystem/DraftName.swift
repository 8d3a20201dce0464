#if os(Linux)
import Glibc

/// A file or directory on its way to be one, under a name that tells whose it is: after a crash it is found and removed.
enum DraftName {
    private static let prefix = "draft-"

    /// A new path in `directory`. Nothing is made.
    static func new(in directory: String) throws(SystemError) -> String {
        guard let maker = ProcessIdentity(of: getpid()) else { throw SystemError(ESRCH, in: "/proc/self") }
        return "\(directory)/\(prefix)\(maker.pid)-\(maker.startTime)-\(UInt32.random(in: .min ... .max))"
    }

    /// Removes what crashes have left in `directory`.
    static func sweep(_ directory: String) {
        for name in HostFile.names(in: directory) where name.hasPrefix(prefix) {
            let fields = name.dropFirst(prefix.count).split(separator: "-")
            guard fields.count == 3, let pid = Int32(fields[0]), let startTime = UInt64(fields[1]),
                !ProcessIdentity(pid: pid, startTime: startTime).isAlive
            else { continue }
            HostFile.removeTree("\(directory)/\(name)")
        }
    }
}
#endif
