#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

/// The files of a store and who may read them: they hold code, secrets' names, logs and bills.
struct DataDirectory {
    let path: String

    var databasePath: String { path + "/sandstorm.sqlite" }

    /// Makes the directory with mode 0700, and what is missing above it with the usual mode. One that exists is left as it is.
    func prepare() throws(StoreError) {
        var isDirectory = stat()
        if stat(path, &isDirectory) == 0 {
            guard isDirectory.st_mode & S_IFMT == S_IFDIR else {
                throw StoreError(.unavailable, "\(path) is not a directory: name another data directory")
            }
            return
        }
        var parent = ""
        for component in path.split(separator: "/").dropLast() {
            parent += (parent.isEmpty && !path.hasPrefix("/") ? "" : "/") + component
            if mkdir(parent, 0o755) != 0, errno != EEXIST { throw StoreError(errno: errno, "make the directory", parent) }
        }
        if mkdir(path, 0o700) != 0, errno != EEXIST { throw StoreError(errno: errno, "make the directory", path) }
    }

    /// Makes an empty file with mode 0600 for SQLite, which gives the same mode to the files beside it.
    func createDatabaseFile() throws(StoreError) {
        let descriptor = open(databasePath, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw StoreError(errno: errno, "open", databasePath) }
        close(descriptor)
    }
}

extension StoreError {
    /// A failed system call on a path, with what the operator can do.
    init(errno code: CInt, _ action: String, _ path: String) {
        let remedy =
            switch code {
            case EACCES, EPERM: "give this user write permission, or name another data directory"
            case EROFS: "mount the file system writable, or name another data directory"
            case ENOSPC, EDQUOT: "free space on the disk, or name another data directory"
            case EMFILE, ENFILE: "raise the limit on open files"
            default: "name another data directory"
            }
        self.init(.unavailable, "can't \(action) \(path): \(String(cString: strerror(code))); \(remedy)")
    }
}
