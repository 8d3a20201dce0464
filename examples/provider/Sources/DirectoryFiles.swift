import Foundation
import NIOCore
import SandstormCore
import Synchronization

/// The files of a sandbox; absolute paths outside of the workspace are the machine's own, as there is no isolation.
struct DirectoryFiles: SandboxFiles {
    let sandbox: DirectorySandbox

    /// Where a path leads on this machine.
    func real(_ path: String) -> String {
        if path == SandboxSpec.workspace { return sandbox.workspace }
        if path.hasPrefix(SandboxSpec.workspace + "/") { return sandbox.workspace + path.dropFirst(SandboxSpec.workspace.count) }
        return path.hasPrefix("/") ? path : "\(sandbox.workspace)/\(path)"
    }

    /// The same path as callers know it.
    private func absolute(_ path: String) -> String { path.hasPrefix("/") ? path : "\(SandboxSpec.workspace)/\(path)" }

    /// Runs `body` on a thread with the real path; whatever fails because the sandbox has gone says so.
    private func with<Value: Sendable>(
        _ path: String, _ body: @escaping @Sendable (String) throws(ProviderError) -> Value
    ) async throws(ProviderError) -> Value {
        if path.utf8.contains(0) || path.utf8.count > 4000 {
            throw ProviderError(.invalid, "the path is too long, or has a NUL byte", fileProblem: .badPath)
        }
        return try await blocking { () throws(ProviderError) in
            try sandbox.checkIsAlive()
            do throws(ProviderError) {
                return try body(real(path))
            } catch {
                try sandbox.checkIsAlive()
                throw error
            }
        }
    }

    // MARK: Writing and reading

    func write(_ path: String, _ content: ByteBuffer, mode: UInt16) async throws(ProviderError) {
        try await write(path, from: ByteStream(content), mode: mode)
    }

    func write(_ path: String, from content: ByteStream, mode: UInt16) async throws(ProviderError) {
        // Written beside its place and renamed when all of it has come: nobody ever sees half a file.
        let (temporary, descriptor) = try await with(path) { place throws(ProviderError) in
            let parent = String(place[..<(place.lastIndex(of: "/") ?? place.endIndex)])
            try makeParents(parent)
            var info = stat()
            if stat(place, &info) == 0, info.st_mode & S_IFMT == S_IFDIR { throw .file(path, EISDIR) }
            if place.split(separator: "/").last?.utf8.count ?? 0 > 255 { throw .file(path, ENAMETOOLONG) }
            let temporary = "\(parent)/.new-\(UInt64.random(in: .min ... .max))"
            let descriptor = Foundation.open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { throw .file(path) }
            return (temporary, descriptor)
        }
        do throws(ProviderError) {
            var pieces = content.makeAsyncIterator()
            while let piece = try await pieces.next(isolation: nil) {
                if Task.isCancelled { throw ProviderError(.interrupted, "the writer has gone") }
                try await with(path) { _ throws(ProviderError) in
                    var rest = piece
                    while rest.readableBytes > 0 {
                        let count = rest.withUnsafeReadableBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
                        guard count > 0 else { throw .file(path) }
                        rest.moveReaderIndex(forwardBy: count)
                    }
                }
            }
            try await with(path) { place throws(ProviderError) in
                guard fchmod(descriptor, mode_t(mode)) == 0, rename(temporary, place) == 0 else { throw .file(path) }
            }
        } catch {
            close(descriptor)
            unlink(temporary)
            throw error
        }
        close(descriptor)
    }

    private func makeParents(_ path: String) throws(ProviderError) {
        var info = stat()
        if path.isEmpty || stat(path, &info) == 0 {
            if !path.isEmpty, info.st_mode & S_IFMT != S_IFDIR { throw .file(path, ENOTDIR) }
            return
        }
        guard errno == ENOENT else { throw .file(path) }
        try makeParents(String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]))
        if mkdir(path, 0o755) != 0, errno != EEXIST { throw .file(path) }
    }

    func read(_ path: String, upTo limit: Int) async throws(ProviderError) -> ByteBuffer {
        try await open(path, range: nil).bytes.collect(upTo: limit)
    }

    func open(_ path: String, range: Range<Int64>?) async throws(ProviderError) -> FileContent {
        let (info, file) = try await with(path) { place throws(ProviderError) in
            // Not waiting for the other end of a pipe.
            let descriptor = Foundation.open(place, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
            guard descriptor >= 0 else { throw .file(path) }
            let file = OpenFile(descriptor)
            let info = try describe(path, place, followingLinks: true)
            switch info.kind {
            case .file: return (info, file)
            case .directory: throw .file(path, EISDIR)
            default: throw ProviderError(.invalid, "\(path) is no regular file", fileProblem: .other)
            }
        }
        let source = Source(file, from: range?.lowerBound ?? 0, to: min(range?.upperBound ?? .max, info.size))
        return FileContent(
            info: info,
            bytes: ByteStream { () async throws(ProviderError) in
                if Task.isCancelled { throw ProviderError(.interrupted, "the reader has gone") }
                return try await with(path) { _ throws(ProviderError) in try source.next(path) }
            })
    }

    // MARK: Looking

    func info(_ path: String, followingLinks: Bool) async throws(ProviderError) -> FileInfo {
        try await with(path) { place throws(ProviderError) in try describe(path, place, followingLinks: followingLinks) }
    }

    func list(_ path: String, depth: Int) async throws(ProviderError) -> [FileInfo] {
        try await with(path) { place throws(ProviderError) in
            try entries(of: absolute(path), place, depth: depth).sorted { $0.path < $1.path }
        }
    }

    private func describe(_ path: String, _ place: String, followingLinks: Bool) throws(ProviderError) -> FileInfo {
        try describe(path, bytes: Array(place.utf8CString), followingLinks: followingLinks)
    }

    private func describe(_ path: String, bytes place: [CChar], followingLinks: Bool) throws(ProviderError) -> FileInfo {
        var info = stat()
        guard (followingLinks ? stat(place, &info) : lstat(place, &info)) == 0 else { throw .file(path) }
        let kind: FileInfo.Kind =
            switch info.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .directory
            case S_IFLNK: .symbolicLink
            default: .other
            }
        var target: String?
        if kind == .symbolicLink {
            var buffer = [CChar](repeating: 0, count: 4096)
            let count = readlink(place, &buffer, buffer.count)
            target = String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
        return FileInfo(
            path: absolute(path), kind: kind, size: Int64(info.st_size), mode: UInt16(info.st_mode & 0o7777),
            owner: getpwuid(info.st_uid).map { String(cString: $0.pointee.pw_name) } ?? "\(info.st_uid)",
            group: getgrgid(info.st_gid).map { String(cString: $0.pointee.gr_name) } ?? "\(info.st_gid)",
            modifiedAt: Date(timeIntervalSince1970: Double(info.st_mtim.tv_sec) + Double(info.st_mtim.tv_nsec) / 1e9), linkTarget: target)
    }

    private func entries(of path: String, _ place: String, depth: Int) throws(ProviderError) -> [FileInfo] {
        guard let stream = opendir(place) else { throw .file(path) }
        defer { closedir(stream) }
        var found: [FileInfo] = []
        while let entry = readdir(stream) {
            // Names are bytes, and need not be text.
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            if name == Array(".".utf8) || name == Array("..".utf8) { continue }
            let bytes = (Array(place.utf8) + [UInt8(ascii: "/")] + name + [0]).map { CChar(bitPattern: $0) }
            let child = "\(path)/\(String(decoding: name, as: UTF8.self))"
            // One that has gone meanwhile is not there.
            guard let info = try? describe(child, bytes: bytes, followingLinks: false) else { continue }
            found.append(info)
            if info.kind == .directory, depth > 1 {
                found += (try? entries(of: child, "\(place)/\(String(decoding: name, as: UTF8.self))", depth: depth - 1)) ?? []
            }
        }
        return found
    }

    // MARK: Changing

    func makeDirectory(_ path: String, mode: UInt16) async throws(ProviderError) -> Bool {
        try await with(path) { place throws(ProviderError) in
            try makeParents(String(place[..<(place.lastIndex(of: "/") ?? place.endIndex)]))
            if mkdir(place, 0o700) == 0 {
                chmod(place, mode_t(mode))
                return true
            }
            let code = errno
            var info = stat()
            guard code == EEXIST, stat(place, &info) == 0, info.st_mode & S_IFMT == S_IFDIR else { throw .file(path, code) }
            return false
        }
    }

    func move(_ source: String, to destination: String, replacing: Bool) async throws(ProviderError) {
        let target = real(destination)
        try await with(source) { place throws(ProviderError) in
            var info = stat()
            guard lstat(place, &info) == 0 else { throw .file(source) }
            if !replacing, lstat(target, &info) == 0 { throw .file(destination, EEXIST) }
            guard rename(place, target) == 0 else { throw .file(destination) }
        }
    }

    func remove(_ path: String, recursively: Bool) async throws(ProviderError) {
        try await with(path) { place throws(ProviderError) in
            var info = stat()
            guard lstat(place, &info) == 0 else { throw .file(path) }
            if info.st_mode & S_IFMT != S_IFDIR {
                guard unlink(place) == 0 else { throw .file(path) }
            } else if recursively {
                do { try FileManager.default.removeItem(atPath: place) } catch {
                    throw ProviderError(.invalid, "\(path) can't be removed", fileProblem: .other, vendorDetail: "\(error)")
                }
            } else {
                guard rmdir(place) == 0 else { throw .file(path) }
            }
        }
    }

    func setAttributes(_ attributes: FileAttributes, of path: String) async throws(ProviderError) {
        if attributes.owner != nil || attributes.group != nil { throw .unsupported("owner") }
        try await with(path) { place throws(ProviderError) in
            if let mode = attributes.mode, chmod(place, mode_t(mode)) != 0 { throw .file(path) }
            if let date = attributes.modifiedAt {
                let time = timeval(tv_sec: Int(date.timeIntervalSince1970), tv_usec: 0)
                guard utimes(place, [time, time]) == 0 else { throw .file(path) }
            }
            guard access(place, F_OK) == 0 else { throw .file(path) }
        }
    }

    // MARK: Archives

    func archive(_ path: String) async throws(ProviderError) -> ByteStream {
        let kind = try await info(path, followingLinks: true).kind
        let place = real(path)
        let slash = place.lastIndex(of: "/") ?? place.startIndex
        let what = kind == .directory ? [place, "."] : [String(place[..<slash]), "./" + place[slash...].dropFirst()]
        let process = try await sandbox.start(Command(["tar", "-c", "--format=pax", "-f", "-", "-C"] + what))
        let events = process.events
        return ByteStream { () async throws(ProviderError) in
            var iterator = events.makeAsyncIterator()
            while let event = try await iterator.next(isolation: nil) {
                if case .stdout(let bytes) = event { return bytes }
                if case .exited(let status) = event, status.outcome != .code(0) {
                    throw ProviderError(.invalid, "\(path) can't be archived", fileProblem: .other)
                }
            }
            return nil
        }
    }

    func extract(_ archive: ByteStream, into path: String) async throws(ProviderError) {
        _ = try await makeDirectory(path, mode: 0o755)
        let process = try await sandbox.start(Command(["tar", "-x", "--no-same-owner", "-f", "-", "-C", real(path)]))
        do throws(ProviderError) {
            var pieces = archive.makeAsyncIterator()
            while let piece = try await pieces.next(isolation: nil) { try await process.write(piece) }
            try await process.closeInput()
        } catch {
            try await process.signal(.kill)
            throw error
        }
        var iterator = process.events.makeAsyncIterator()
        while let event = try await iterator.next(isolation: nil) {
            // It refuses members that lead outside by itself.
            guard case .exited(let status) = event, status.outcome != .code(0) else { continue }
            throw ProviderError(.invalid, "the archive is none, or has members that may not be unpacked", fileProblem: .badArchive)
        }
    }
}

/// A file that is closed when nobody reads from it any more.
private final class OpenFile: Sendable {
    let descriptor: Int32
    init(_ descriptor: Int32) { self.descriptor = descriptor }
    deinit { close(descriptor) }
}

/// Reads piece by piece.
private final class Source: Sendable {
    private let file: OpenFile
    private let end: Int64
    private let position: Mutex<Int64>

    init(_ file: OpenFile, from start: Int64, to end: Int64) {
        self.file = file
        self.end = end
        position = Mutex(start)
    }

    func next(_ path: String) throws(ProviderError) -> ByteBuffer? {
        try position.withLock { position throws(ProviderError) in
            let wanted = Int(min(65_536, end - position))
            guard wanted > 0 else { return nil }
            var bytes = [UInt8](repeating: 0, count: wanted)
            let count = pread(file.descriptor, &bytes, wanted, off_t(position))
            guard count >= 0 else { throw .file(path) }
            position += Int64(count)
            return count == 0 ? nil : ByteBuffer(bytes: bytes[..<count])
        }
    }
}
