import CLinux
import Glibc

/// An open directory, and its entries one after the other.
final class DirectoryStream {
    // glibc has an opaque pointer here.
    private let stream: OpaquePointer

    /// Opens a directory in another one. A symbolic link is not followed.
    convenience init(_ name: [UInt8], in directory: Int32) throws(SystemError) {
        try self.init(Descriptor.open(name, at: directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK), named: name)
    }

    /// Reads a directory that is open, with a place of its own in it.
    init(_ directory: Descriptor, named name: [UInt8]) throws(SystemError) {
        let number = fcntl(directory.number, F_DUPFD_CLOEXEC, 3)
        guard number >= 0 else { throw .current(in: name.forPeople) }
        guard let stream = fdopendir(number) else {
            let error = SystemError.current(in: name.forPeople)
            close(number)
            throw error
        }
        self.stream = stream
    }

    deinit {
        closedir(stream)
    }

    /// Valid as long as the stream is.
    var number: Int32 { dirfd(stream) }

    func rewind() {
        rewinddir(stream)
    }

    /// The next entry's name, in no order; `.` and `..` are left out. nil at the end.
    func next() throws(SystemError) -> [UInt8]? {
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else { throw .current(in: "read a directory") }
                return nil
            }
            let offset = MemoryLayout<dirent>.offset(of: \.d_name) ?? 19
            let start = UnsafeRawPointer(entry) + offset
            let name = Array(UnsafeRawBufferPointer(start: start, count: strlen(start.assumingMemoryBound(to: CChar.self))))
            if name != [UInt8(ascii: ".")], name != Array("..".utf8) { return name }
        }
    }
}

extension stat {
    /// What is at `name`, which is not followed if it is a symbolic link.
    init(of name: [UInt8], in directory: Int32, flags: Int32 = AT_SYMLINK_NOFOLLOW) throws(SystemError) {
        self.init()
        let code = name.withCString { fstatat(directory, $0, &self, flags) } == 0 ? 0 : errno
        guard code == 0 else { throw SystemError(code, in: name.forPeople) }
    }

    var kind: mode_t { st_mode & S_IFMT }
    var isDirectory: Bool { kind == S_IFDIR }
    var isRegular: Bool { kind == S_IFREG }
    var isLink: Bool { kind == S_IFLNK }

    func isSame(as other: stat) -> Bool { st_dev == other.st_dev && st_ino == other.st_ino }
}

/// What the symbolic link says, cut at 4096 bytes, more than which no link can have.
func readLink(_ name: [UInt8], in directory: Int32) throws(SystemError) -> [UInt8] {
    var target = [UInt8](repeating: 0, count: 4096)
    let count = name.withCString { name in
        target.withUnsafeMutableBytes { bytes in
            bytes.withMemoryRebound(to: CChar.self) { characters in
                // swift-format-ignore: NeverForceUnwrap
                readlinkat(directory, name, characters.baseAddress!, characters.count)  // It has 4096 bytes, so it has an address.
            }
        }
    }
    guard count >= 0 else { throw .current(in: name.forPeople) }
    return Array(target[..<count])
}
