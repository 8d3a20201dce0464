#if os(Linux)
import Glibc

/// Names for what is made once and kept as long as its content is wanted.
enum ContentName {
    /// FNV-1a: against confusion, not against forgery.
    static func of(_ content: String) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in content.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        return String(hash, radix: 36)
    }
}

/// Files and directories of the machine, by blocking calls.
enum HostFile {
    /// The file's bytes, or the first of them; nil if it can't be read.
    static func read(_ path: String, upTo limit: Int = 1 << 20) -> [UInt8]? {
        guard let file = try? Descriptor.open(path, O_RDONLY) else { return nil }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16_384)
        while bytes.count < limit {
            let count = Glibc.read(file.number, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return count == 0 ? bytes : nil }
            bytes.append(contentsOf: chunk[..<count])
        }
        return bytes
    }

    static func text(_ path: String) -> String? { read(path).map { String(decoding: $0, as: UTF8.self) } }

    /// Writes to what exists, such as a control file.
    static func write(_ text: String, to path: String) throws(SystemError) {
        try write(Array(text.utf8), Descriptor.open(path, O_WRONLY), path)
    }

    /// Makes a file, which must not be there.
    static func create(_ path: String, _ bytes: [UInt8], mode: mode_t = 0o644) throws(SystemError) {
        let file = try Descriptor.open(path, O_WRONLY | O_CREAT | O_EXCL, mode: mode)
        try write(bytes, file, path)
        guard fchmod(file.number, mode) == 0 else { throw .current(in: "chmod \(path)") }
    }

    /// Puts a file in its place, at once or not at all.
    static func replace(_ path: String, _ bytes: [UInt8], mode: mode_t = 0o644) throws(SystemError) {
        let temporary = "\(path).\(UInt32.random(in: .min ... .max))"
        do throws(SystemError) {
            try create(temporary, bytes, mode: mode)
            guard rename(temporary, path) == 0 else { throw .current(in: "rename \(path)") }
        } catch {
            unlink(temporary)
            throw error
        }
    }

    private static func write(_ bytes: [UInt8], _ file: Descriptor, _ path: String) throws(SystemError) {
        var offset = 0
        while offset < bytes.count {
            let count = bytes[offset...].withUnsafeBytes { rest in rest.baseAddress.map { Glibc.write(file.number, $0, rest.count) } ?? 0 }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .current(in: "write \(path)") }
            offset += count
        }
    }

    /// Makes a directory and those above it that are missing. One that is there is left as it is.
    static func makeDirectories(_ path: String, mode: mode_t = 0o755) throws(SystemError) {
        if mkdir(path, mode) == 0 {
            guard chmod(path, mode) == 0 else { throw .current(in: "chmod \(path)") }
            return
        }
        if errno == EEXIST { return }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex else { throw .current(in: "mkdir \(path)") }
        try makeDirectories(String(path[..<slash]), mode: 0o755)
        guard mkdir(path, mode) == 0 || errno == EEXIST else { throw .current(in: "mkdir \(path)") }
        guard chmod(path, mode) == 0 else { throw .current(in: "chmod \(path)") }
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// What an absolute path is in.
    static func parent(of path: String) -> String {
        let end = path.lastIndex(of: "/") ?? path.startIndex
        return end == path.startIndex ? "/" : String(path[..<end])
    }

    static func isDirectory(_ path: String) -> Bool {
        var info = stat()
        return stat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFDIR
    }

    static func isRegular(_ path: String) -> Bool {
        var info = stat()
        return stat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFREG
    }

    static func isSymbolicLink(_ path: String) -> Bool {
        var info = stat()
        return lstat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFLNK
    }

    /// Where a symbolic link points, as it is written.
    static func target(of link: String) -> String? {
        var bytes = [CChar](repeating: 0, count: 4096)
        let count = readlink(link, &bytes, bytes.count)
        return count > 0 ? String(decoding: bytes[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self) : nil
    }

    /// The path with all symbolic links followed; nil if it leads nowhere.
    static func real(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// The names in a directory, without `.` and `..`.
    static func names(in directory: String) -> [String] {
        guard let stream = opendir(directory) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = Glibc.readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
                tuple.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: tuple.pointee)) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// Removes a directory with what is in it. Neither follows symbolic links nor enters what is mounted there.
    static func removeTree(_ path: String) {
        var info = stat()
        guard lstat(path, &info) == 0 else { return }
        removeTree(path, device: info.st_dev)
    }

    private static func removeTree(_ path: String, device: dev_t) {
        var info = stat()
        guard lstat(path, &info) == 0, info.st_dev == device else { return }
        guard info.st_mode & S_IFMT == S_IFDIR else {
            unlink(path)
            return
        }
        for name in names(in: path) { removeTree("\(path)/\(name)", device: device) }
        rmdir(path)
    }

    /// Gives what is one user's in a file system to another, in user and group alike; links themselves, not what they point to.
    ///
    /// Nobody else may change the directories meanwhile.
    static func changeOwner(_ root: String, from old: uid_t, to new: uid_t) throws(SystemError) {
        var info = stat()
        guard lstat(root, &info) == 0 else { throw .current(in: "stat \(root)") }
        var pending = [root]
        while let path = pending.popLast() {
            var entry = stat()
            guard lstat(path, &entry) == 0 else { throw .current(in: "stat \(path)") }
            guard entry.st_dev == info.st_dev else { continue }
            if entry.st_uid == old, lchown(path, new, new) != 0 { throw .current(in: "chown \(path)") }
            if entry.st_mode & S_IFMT == S_IFDIR { pending += names(in: path).map { "\(path)/\($0)" } }
        }
    }

    /// What ordinary users may still write to the file system of `path`, in bytes; nil if that can't be known.
    static func freeBytes(_ path: String) -> UInt64? {
        var info = statvfs()
        guard statvfs(path, &info) == 0 else { return nil }
        return UInt64(info.f_bavail) * UInt64(info.f_frsize)
    }

    /// Whether every user can get to `path`: search permission for others on all directories above it.
    static func isReachableByAll(_ path: String) -> Bool {
        guard let path = real(path) else { return false }
        var prefix = path[...]
        while let slash = prefix.lastIndex(of: "/") {
            prefix = prefix[..<slash]
            var info = stat()
            guard stat(prefix.isEmpty ? "/" : String(prefix), &info) == 0, info.st_mode & 0o001 != 0 else { return false }
        }
        return true
    }
}
#endif
