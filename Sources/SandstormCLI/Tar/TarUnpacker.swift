#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Unpacks an archive that nobody vouches for into a directory, and writes nothing outside of it.
///
/// Every part of a name is looked up in the directory before it, without following links, so that neither links of the archive nor links
/// that were there lead out. Absolute names and `..` make it fail. Links that point outside, devices and pipes are left out, and so are
/// set-id bits. Blocking.
///
/// Unchecked: it is used by one thread at a time, as its one owner calls it on a serial queue and waits for each call.
final class TarUnpacker: @unchecked Sendable {
    /// Members that were left out, and why, for people.
    private(set) var leftOut: [String] = []
    /// Bytes of files so far.
    private(set) var written: Int64 = 0

    private let root: CInt
    private var reader = TarReader()
    private var file: CInt = -1
    private var entry: TarEntry?
    /// Directories get their modes at the end, so that those without a right to write can be filled.
    private var modes: [(name: [[UInt8]], mode: UInt16)] = []

    /// - Parameter directory: made if it is not there.
    init(into directory: String) throws {
        if mkdir(directory, 0o755) != 0, errno != EEXIST { throw TarUnpacker.failure("making \(directory)") }
        // The target itself is the user's own choice: it may be reached by a link.
        root = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard root >= 0 else { throw TarUnpacker.failure("opening \(directory)") }
    }

    deinit {
        if file >= 0 { close(file) }
        close(root)
    }

    /// Unpacks the next bytes.
    func unpack(_ bytes: [UInt8]) throws {
        for element in try reader.read(bytes) {
            switch element {
            case .entry(let entry): try begin(entry)
            case .bytes(let bytes): try write(bytes)
            case .end: try end()
            }
        }
    }

    /// - Throws: ``TarError`` if the archive's end has not come.
    func finish() throws {
        try reader.finish()
        for (name, mode) in modes.reversed() where !name.isEmpty {
            let parent = try openDirectory(name.dropLast(), making: false)
            defer { close(parent) }
            // A directory that has become a link since is none of ours; without following, there is no way to set its mode, and no need.
            let directory = TarUnpacker.terminated(name[name.count - 1]) {
                openat(parent, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            }
            guard directory >= 0 else { continue }
            fchmod(directory, mode_t(mode & 0o777))
            close(directory)
        }
    }

    // MARK: Members

    private func begin(_ entry: TarEntry) throws {
        self.entry = entry
        let name = try TarUnpacker.components(of: entry.name)
        guard let last = name.last else {
            // The directory itself, which is there.
            return
        }
        switch entry.kind {
        case .directory:
            close(try openDirectory(name[...], making: true))
            modes.append((name, entry.mode))
        case .file:
            let parent = try openDirectory(name.dropLast(), making: true)
            defer { close(parent) }
            try clear(last, in: parent, entry)
            file = TarUnpacker.terminated(last) {
                openat(parent, $0, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode_t(entry.mode & 0o777))
            }
            guard file >= 0 else { throw TarUnpacker.failure("making \(TarUnpacker.shown(entry.name))") }
        case .symbolicLink(let target):
            guard TarUnpacker.staysInside(target, depth: name.count - 1) else {
                leftOut.append("\(TarUnpacker.shown(entry.name)): a link to \(TarUnpacker.shown(target)), which is outside")
                return
            }
            let parent = try openDirectory(name.dropLast(), making: true)
            defer { close(parent) }
            try clear(last, in: parent, entry)
            let result = TarUnpacker.terminated(target) { target in
                TarUnpacker.terminated(last) { symlinkat(target, parent, $0) }
            }
            guard result == 0 else { throw TarUnpacker.failure("making \(TarUnpacker.shown(entry.name))") }
        case .hardLink(let target): try link(name, to: target, entry)
        case .other: leftOut.append("\(TarUnpacker.shown(entry.name)): neither file, directory nor link")
        }
    }

    private func link(_ name: [[UInt8]], to target: [UInt8], _ entry: TarEntry) throws {
        let source = try TarUnpacker.components(of: target)
        guard let last = name.last, let original = source.last else { throw TarError("a link to a directory") }
        if source == name { return }
        let from = try openDirectory(source.dropLast(), making: false)
        defer { close(from) }
        let parent = try openDirectory(name.dropLast(), making: true)
        defer { close(parent) }
        try clear(last, in: parent, entry)
        // Without AT_SYMLINK_FOLLOW: what a link in the archive points to is never opened.
        let result = TarUnpacker.terminated(original) { original in
            TarUnpacker.terminated(last) { linkat(from, original, parent, $0, 0) }
        }
        guard result == 0 else { throw TarUnpacker.failure("making \(TarUnpacker.shown(entry.name))") }
    }

    private func write(_ bytes: [UInt8]) throws {
        guard file >= 0 else { return }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { systemWrite(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw TarUnpacker.failure("writing \(TarUnpacker.shown(entry?.name ?? []))") }
            rest = rest.dropFirst(count)
        }
        written += Int64(bytes.count)
    }

    private func end() throws {
        guard file >= 0, let entry else { return }
        FileTime.set(entry.modified, of: file)
        let result = close(file)
        file = -1
        guard result == 0 else { throw TarUnpacker.failure("writing \(TarUnpacker.shown(entry.name))") }
    }

    // MARK: Names

    /// Opens a directory below the root, one component after the other, none of which may be a link.
    private func openDirectory(_ name: ArraySlice<[UInt8]>, making: Bool) throws -> CInt {
        var current = fcntl(root, F_DUPFD_CLOEXEC, 0)
        guard current >= 0 else { throw TarUnpacker.failure("opening a directory") }
        for component in name {
            let next = TarUnpacker.terminated(component) { component -> CInt in
                let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
                let found = openat(current, component, flags)
                guard found < 0, errno == ENOENT, making, mkdirat(current, component, 0o755) == 0 || errno == EEXIST else { return found }
                return openat(current, component, flags)
            }
            let code = errno
            close(current)
            guard next >= 0 else {
                let shown = TarUnpacker.shown(Array(name.joined(separator: [UInt8(ascii: "/")])))
                if code == ELOOP || code == ENOTDIR { throw TarError("\(shown) is no directory, or a link, which is not followed") }
                errno = code
                throw TarUnpacker.failure("opening \(shown)")
            }
            current = next
        }
        return current
    }

    /// Removes what is in a new member's place; a directory stays, and is in the way.
    private func clear(_ name: [UInt8], in parent: CInt, _ entry: TarEntry) throws {
        guard TarUnpacker.terminated(name, { unlinkat(parent, $0, 0) }) != 0, errno != ENOENT else { return }
        throw TarUnpacker.failure("replacing \(TarUnpacker.shown(entry.name))")
    }

    /// The parts of a name, without empty ones and `.`.
    static func components(of name: [UInt8]) throws(TarError) -> [[UInt8]] {
        guard name.first != UInt8(ascii: "/") else { throw TarError("the archive has an absolute name: \(shown(name))") }
        guard !name.contains(0) else { throw TarError("the archive has a NUL byte in a name") }
        let parts = name.split(separator: UInt8(ascii: "/")).map(Array.init).filter { $0 != [UInt8(ascii: ".")] }
        guard !parts.contains(Array("..".utf8)) else { throw TarError("the archive has a name that leads outside: \(shown(name))") }
        return parts
    }

    /// Whether a link in a directory `depth` below the root points to something inside, whatever other links of this kind there are.
    ///
    /// `..` is counted only at the beginning: after a name it could go up from wherever another link has led.
    static func staysInside(_ target: [UInt8], depth: Int) -> Bool {
        guard !target.isEmpty, target[0] != UInt8(ascii: "/"), !target.contains(0) else { return false }
        let parts = target.split(separator: UInt8(ascii: "/")).filter { $0 != [UInt8(ascii: ".")] }
        let up = parts.prefix { $0.elementsEqual("..".utf8) }
        return up.count <= depth && !parts.dropFirst(up.count).contains { $0.elementsEqual("..".utf8) }
    }

    private static func terminated<Result>(_ name: [UInt8], _ body: (UnsafePointer<CChar>) -> Result) -> Result {
        body(name.map { CChar(bitPattern: $0) } + [0])
    }

    private static func shown(_ name: [UInt8]) -> String { String(decoding: name, as: UTF8.self).printable }

    private static func failure(_ what: String) -> TarError { TarError("\(what): \(String(cString: strerror(errno)))") }
}
