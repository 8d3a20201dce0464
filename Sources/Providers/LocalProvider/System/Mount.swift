#if os(Linux)
import Glibc

/// A mount of this process's namespace.
struct Mount: Hashable, Sendable {
    var point: String
    var type: String
    /// Of the file system, such as a control group's controllers.
    var options: [String]

    /// All mounts, the latest last.
    static func all() -> [Mount] {
        (HostFile.text("/proc/self/mountinfo") ?? "").split(separator: "\n").compactMap { line in
            let halves = line.split(separator: " - ", maxSplits: 1)
            guard halves.count == 2 else { return nil }
            let fields = halves[0].split(separator: " ")
            let details = halves[1].split(separator: " ")
            guard fields.count > 4, let type = details.first else { return nil }
            return Mount(
                point: String(fields[4]), type: String(type),
                options: details.count > 2 ? details[2].split(separator: ",").map(String.init) : [])
        }
    }

    /// Unmounts; what is not mounted is no error. What is busy is detached: it goes when its last user does.
    static func unmount(_ point: String) {
        var tries = 0
        while umount2(point, 0) != 0, errno == EBUSY {
            usleep(1000)
            tries += 1
            guard tries < 200 else {
                _ = umount2(point, Int32(MNT_DETACH))
                return
            }
        }
    }
}
#endif
