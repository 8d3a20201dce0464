import CLinux
import Glibc

/// A file that has no place yet. Removed unless it gets one.
final class TemporaryFile {
    /// Held open, so that a rename of the directory (or of one above it) under a running transfer does no harm.
    private let directory: Descriptor
    private let file: Descriptor
    /// nil once it has its place, or is removed.
    private(set) var name: [UInt8]?

    private static let prefix = Array(".sandstorm-".utf8)
    private static let suffix = Array(".tmp".utf8)

    /// A name that nothing has, but for a chance that nobody lives to see.
    static func makeName() -> [UInt8] {
        prefix + Array(String(UInt64.random(in: 0...UInt64.max), radix: 36).utf8) + suffix
    }

    /// Whether it may be one of ours.
    static func isTemporary(_ name: [UInt8]) -> Bool {
        name.starts(with: prefix) && name.suffix(suffix.count).elementsEqual(suffix)
    }

    init(in directory: Descriptor) throws(SystemError) {
        self.directory = directory
        while true {
            let name = Self.makeName()
            do throws(SystemError) {
                file = try Descriptor.open(name, at: directory.number, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
                self.name = name
                return
            } catch  where error.code == EEXIST {
                continue
            }
        }
    }

    deinit {
        remove()
    }

    func write(_ bytes: ArraySlice<UInt8>) throws(SystemError) {
        try file.writeAll(bytes)
    }

    /// Sets when it was last changed. A file system that can't is no reason to fail.
    func setModified(seconds: Int64, nanoseconds: UInt32) {
        let time = timespec(tv_sec: Int(seconds), tv_nsec: Int(nanoseconds))
        _ = futimens(file.number, [time, time])
    }

    /// Gives the file its mode and its place, in one step for whoever looks.
    func move(to place: [UInt8], mode: mode_t, noting puts: RecentPuts? = nil) throws(SystemError) {
        guard let name else { return }
        guard fchmod(file.number, mode) == 0 else { throw .current(in: "fchmod") }
        var code = renameAt(directory, name, directory, place, replaces: false)
        if code == EEXIST {
            puts?.noteReplacement(name)
            code = renameAt(directory, name, directory, place, replaces: true)
        }
        guard code == 0 else { throw SystemError(code, in: place.forPeople) }
        self.name = nil
    }

    func remove() {
        guard let name else { return }
        _ = name.withCString { unlinkat(directory.number, $0, 0) }
        self.name = nil
    }
}
