#if os(Linux)
import Glibc

/// Something in the share directory that sandboxes of several gateways use, and that is swept once none does.
///
/// Whoever uses it has it open and locked, together with the others; a crash unlocks it. What nobody has locked is an earlier
/// version's.
enum SharedThing {
    /// What the names of swept things begin with: agents and synthetic `/etc`s.
    private static let prefixes = ["agent-", "etc-"]
    /// Disk templates are used only while they are copied; one that was not for this long will hardly be again.
    private static let templateAge = 7 * 24 * 3600
    /// What is younger may be on its way to its name, or to its user's lock.
    private static let youngest = 60

    /// Keeps it from being swept as long as the descriptor lives.
    static func use(_ path: String) throws(SystemError) -> Descriptor {
        let descriptor = try Descriptor.open(path, O_RDONLY)
        guard flock(descriptor.number, LOCK_SH | LOCK_NB) == 0 else { throw .current(in: "flock \(path)") }
        var (opened, named) = (stat(), stat())
        guard fstat(descriptor.number, &opened) == 0, stat(path, &named) == 0, opened.st_ino == named.st_ino else {
            throw SystemError(ENOENT, in: path)
        }
        return descriptor
    }

    /// Removes what nobody uses.
    static func sweep(_ directory: String, now: Int = time(nil)) {
        for name in HostFile.names(in: directory) {
            let path = "\(directory)/\(name)"
            var info = stat()
            guard lstat(path, &info) == 0, info.st_ctim.tv_sec < now - youngest else { continue }
            if name.hasPrefix("probe-") {
                HostFile.removeTree(path)
            } else if name.hasPrefix(DiskImage.templatePrefix) {
                // One with a second suffix was never finished.
                if info.st_mtim.tv_sec < now - templateAge || name.contains(".") { HostFile.removeTree(path) }
            } else if prefixes.contains(where: name.hasPrefix), let thing = try? Descriptor.open(path, O_RDONLY),
                flock(thing.number, LOCK_EX | LOCK_NB) == 0
            {
                HostFile.removeTree(path)
            }
        }
    }
}
#endif
