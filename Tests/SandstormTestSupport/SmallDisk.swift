#if os(Linux)
import Glibc

/// A file system of its own in memory, so small that it can be filled; for root only.
package final class SmallDisk: Sendable {
    private let directory: TemporaryDirectory

    package var path: String { directory.path }

    /// What mounting needs.
    package static var isPossible: Bool { getuid() == 0 && (try? SmallDisk(kibibytes: 64)) != nil }

    package init(kibibytes: Int) throws {
        directory = try TemporaryDirectory()
        guard mount("tmpfs", directory.path, "tmpfs", 0, "size=\(kibibytes)k,mode=0700") == 0 else { throw MountFailure(code: errno) }
    }

    deinit { umount2(directory.path, Int32(MNT_DETACH)) }

    /// Puts a file there that takes what is left but for `rest` bytes.
    package func fill(leaving rest: Int) throws {
        var facts = statvfs()
        guard statvfs(path, &facts) == 0 else { throw MountFailure(code: errno) }
        var left = Int(facts.f_bavail) * Int(facts.f_bsize) - rest
        let descriptor = open(path + "/filler", O_WRONLY | O_CREAT | O_APPEND, 0o600)
        guard descriptor >= 0 else { throw MountFailure(code: errno) }
        defer { close(descriptor) }
        let block = [UInt8](repeating: 0, count: 4096)
        while left > 0, write(descriptor, block, min(left, block.count)) > 0 { left -= block.count }
    }

    /// Removes what ``fill(leaving:)`` put there.
    package func free() { unlink(path + "/filler") }

    /// Lets nothing be written from now on; nothing there may be open for writing.
    package func makeReadOnly() throws {
        guard mount("tmpfs", path, "tmpfs", UInt(MS_REMOUNT | MS_RDONLY), nil) == 0 else { throw MountFailure(code: errno) }
    }

    /// A system call failed.
    package struct MountFailure: Error {
        let code: Int32
    }
}
#endif
