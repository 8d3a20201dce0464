#if canImport(Glibc)
import Glibc
import SwiftOverlayShims
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Packs a directory of this machine into a POSIX (pax) tar archive, piece by piece. Links are packed as links. Blocking.
///
/// Unchecked: it is used by one thread at a time, as its one owner calls it on a serial queue and waits for each call.
final class TarPacker: @unchecked Sendable {
    /// What was left out, and why, for people.
    private(set) var leftOut: [String] = []

    private static let pieceSize = 256 * 1024

    private enum Step {
        case visit(path: String, name: String)
        case over
    }

    /// What is still to be packed, the next one last.
    private var steps: [Step]
    private var file: (descriptor: CInt, path: String, remaining: Int64, padding: Int)?

    /// - Parameter directory: its entries become the archive's members, with names relative to it.
    init(_ directory: String) throws {
        steps = [.over]
        try pushEntries(of: directory, name: "")
    }

    deinit {
        if let file { close(file.descriptor) }
    }

    /// The next bytes; `nil` after the last.
    func next() throws -> [UInt8]? {
        var bytes: [UInt8] = []
        while bytes.count < TarPacker.pieceSize {
            if let file {
                try readOn(file, &bytes)
                continue
            }
            switch steps.popLast() {
            case .visit(let path, let name): try visit(path, name, &bytes)
            case .over: bytes += [UInt8](repeating: 0, count: 2 * TarBlock.size)
            case nil: return bytes.isEmpty ? nil : bytes
            }
        }
        return bytes
    }

    private func readOn(_ file: (descriptor: CInt, path: String, remaining: Int64, padding: Int), _ bytes: inout [UInt8]) throws {
        guard file.remaining > 0 else {
            bytes += [UInt8](repeating: 0, count: file.padding)
            close(file.descriptor)
            self.file = nil
            return
        }
        var buffer = [UInt8](repeating: 0, count: Int(min(file.remaining, Int64(TarPacker.pieceSize))))
        let count = read(file.descriptor, &buffer, buffer.count)
        if count < 0, errno == EINTR { return }
        // Its size is in the archive already.
        guard count > 0 else { throw TarError("\(file.path) can't be read to its end, or has become shorter") }
        bytes += buffer.prefix(count)
        self.file?.remaining -= Int64(count)
    }

    private func visit(_ path: String, _ name: String, _ bytes: inout [UInt8]) throws {
        var status = stat()
        guard lstat(path, &status) == 0 else { throw TarPacker.failure("reading", path) }
        var entry = TarEntry(
            name: Array(name.utf8), kind: .file, mode: UInt16(truncatingIfNeeded: status.st_mode & 0o777),
            modified: FileTime.modified(status))
        switch status.st_mode & S_IFMT {
        case S_IFDIR:
            entry.kind = .directory
            bytes += TarPacker.header(entry)
            try pushEntries(of: path, name: name + "/")
        case S_IFLNK:
            var target = [CChar](repeating: 0, count: Int(PATH_MAX))
            let count = readlink(path, &target, target.count)
            guard count >= 0 else { throw TarPacker.failure("reading", path) }
            entry.kind = .symbolicLink(target.prefix(count).map { UInt8(bitPattern: $0) })
            bytes += TarPacker.header(entry)
        case S_IFREG:
            let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
            guard descriptor >= 0 else { throw TarPacker.failure("opening", path) }
            guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
                close(descriptor)
                throw TarPacker.failure("reading", path)
            }
            entry.size = Int64(status.st_size)
            bytes += TarPacker.header(entry)
            file = (descriptor, path, entry.size, TarBlock.padding(for: entry.size))
        default: leftOut.append("\(path.printable): neither file, directory nor link")
        }
    }

    private func pushEntries(of path: String, name: String) throws {
        guard let directory = opendir(path) else { throw TarPacker.failure("opening", path) }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let entryName = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
            }
            if entryName != ".", entryName != ".." { names.append(entryName) }
        }
        for entry in names.sorted().reversed() { steps.append(.visit(path: path + "/" + entry, name: name + entry)) }
    }

    // MARK: Headers

    /// The blocks that begin a member; names that fit no header are in one of their own before.
    static func header(_ entry: TarEntry) -> [UInt8] {
        var link: [UInt8] = []
        var type = UInt8(ascii: "0")
        var name = entry.name
        switch entry.kind {
        case .file: break
        case .directory:
            type = UInt8(ascii: "5")
            name.append(UInt8(ascii: "/"))
        case .symbolicLink(let target): (type, link) = (UInt8(ascii: "2"), target)
        case .hardLink(let target): (type, link) = (UInt8(ascii: "1"), target)
        case .other(let kind): type = kind
        }
        var records: [UInt8] = []
        if name.count > 100 { records += record("path", name) }
        if link.count > 100 { records += record("linkpath", link) }
        if entry.size > 0o77777777777 { records += record("size", Array(String(entry.size).utf8)) }
        var bytes: [UInt8] = []
        if !records.isEmpty {
            bytes += block(Array("pax".utf8), UInt8(ascii: "x"), [], size: Int64(records.count), mode: 0o644, modified: 0)
            bytes += records + [UInt8](repeating: 0, count: TarBlock.padding(for: Int64(records.count)))
        }
        return bytes
            + block(
                Array(name.prefix(100)), type, Array(link.prefix(100)), size: min(entry.size, 0o77777777777), mode: entry.mode,
                modified: max(0, entry.modified))
    }

    /// A record of a pax header, whose length counts itself.
    private static func record(_ key: String, _ value: [UInt8]) -> [UInt8] {
        let rest = [UInt8(ascii: " ")] + Array(key.utf8) + [UInt8(ascii: "=")] + value + [UInt8(ascii: "\n")]
        var length = rest.count
        while String(length).utf8.count + rest.count != length { length = String(length).utf8.count + rest.count }
        return Array(String(length).utf8) + rest
    }

    private static func block(
        _ name: [UInt8], _ type: UInt8, _ link: [UInt8], size: Int64, mode: UInt16, modified: Int64
    ) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: TarBlock.size)
        func put(_ bytes: [UInt8], at offset: Int) { block.replaceSubrange(offset..<(offset + bytes.count), with: bytes) }
        func octal(_ number: Int64, _ digits: Int) -> [UInt8] {
            let text = String(number, radix: 8)
            return Array((String(repeating: "0", count: max(0, digits - text.count)) + text).utf8)
        }
        put(name, at: 0)
        put(octal(Int64(mode), 7), at: 100)
        put(octal(0, 7), at: 108)
        put(octal(0, 7), at: 116)
        put(octal(size, 11), at: 124)
        put(octal(min(modified, 0o77777777777), 11), at: 136)
        put(Array("        ".utf8), at: 148)
        block[156] = type
        put(link, at: 157)
        put(Array("ustar\u{0}00".utf8), at: 257)
        put(octal(block.reduce(0) { $0 + Int64($1) }, 6) + [0, UInt8(ascii: " ")], at: 148)
        return block
    }

    private static func failure(_ what: String, _ path: String) -> TarError {
        TarError("\(what) \(path.printable): \(String(cString: strerror(errno)))")
    }
}
