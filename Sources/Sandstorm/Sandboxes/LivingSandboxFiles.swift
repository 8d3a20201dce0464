public import SandstormCore

/// The files inside a living sandbox. Paths are absolute, or relative to `/workspace`.
///
/// Everything happens inside the sandbox, as its user: no path leads out of it. Where there is no such file, calls throw
/// ``SandstormError`` of kind `fileNotFound`; where something is in the way, `conflict`; what the user may not do, `forbidden`; on a full
/// disk, `diskFull`.
public struct LivingSandboxFiles: Sendable {
    let link: any FileLink

    /// The most that a whole file may hold that is read at once, unless told otherwise: 64 MiB.
    public static let standardLimit = 64 * 1024 * 1024

    /// Reads a whole file.
    ///
    /// - Throws: ``SandstormError``; `invalidRequest` if it holds more than `limit` bytes.
    public func read(_ path: String, upTo limit: Int = standardLimit) async throws(SandstormError) -> [UInt8] {
        try await link.open(path, range: nil).bytes.collect(upTo: limit)
    }

    /// Reads a whole file as text; bytes that are not UTF-8 become U+FFFD.
    public func readText(_ path: String, upTo limit: Int = standardLimit) async throws(SandstormError) -> String {
        String(decoding: try await read(path, upTo: limit), as: UTF8.self)
    }

    /// Reads a part of a file; what is beyond its end is not there.
    ///
    /// - Parameter range: the first byte, and the one after the last.
    public func read(_ path: String, range: Range<Int64>) async throws(SandstormError) -> [UInt8] {
        try await open(path, range: range).bytes.collect(upTo: range.count)
    }

    /// Opens a file, or a part of one, for reading as its bytes come.
    public func open(_ path: String, range: Range<Int64>? = nil) async throws(SandstormError) -> SandboxFile {
        guard range.map({ $0.lowerBound >= 0 }) ?? true else {
            throw SandstormError(InvalidRequest("/range", "begins before the file", remedy: "begin at 0 or later"))
        }
        return try await link.open(path, range: range)
    }

    /// Writes a file, making its parent directories. One that is there is replaced at once or not at all.
    @discardableResult
    public func write(_ path: String, _ content: [UInt8], mode: UInt16 = 0o644) async throws(SandstormError) -> FileInfo {
        try await link.write(path, content, mode: mode)
    }

    /// Writes a text file in UTF-8.
    @discardableResult
    public func write(_ path: String, _ text: String, mode: UInt16 = 0o644) async throws(SandstormError) -> FileInfo {
        try await write(path, Array(text.utf8), mode: mode)
    }

    /// Writes a file of any size as its bytes come. If `content` throws or the task is cancelled, nothing is left of what came.
    ///
    /// - Throws: ``SandstormError``, or what `content` throws.
    @discardableResult
    public func write<Bytes: AsyncSequence & Sendable>(
        _ path: String, from content: Bytes, mode: UInt16 = 0o644
    ) async throws -> FileInfo where Bytes.Element == [UInt8] {
        let upload = Upload(content)
        do {
            return try await link.write(path, from: upload, mode: mode)
        } catch {
            throw upload.failure ?? error
        }
    }

    /// What is at `path`.
    ///
    /// - Parameter followingLinks: whether a symbolic link stands for what it points to.
    public func info(_ path: String, followingLinks: Bool = true) async throws(SandstormError) -> FileInfo {
        try await link.info(path, followingLinks: followingLinks)
    }

    /// Whether there is anything at `path`.
    public func exists(_ path: String) async throws(SandstormError) -> Bool {
        do throws(SandstormError) {
            _ = try await info(path, followingLinks: false)
            return true
        } catch {
            guard error.kind == .fileNotFound else { throw error }
            return false
        }
    }

    /// What is in a directory, by path; not the directory itself.
    ///
    /// - Parameter depth: 1 for its own entries, more for those of its subdirectories. Links are not followed.
    public func list(_ path: String = SandboxSpec.workspace, depth: Int = 1) async throws(SandstormError) -> [FileInfo] {
        try await link.list(path, depth: depth)
    }

    /// Makes a directory and its parents.
    ///
    /// - Returns: `false` if it was there.
    @discardableResult
    public func makeDirectory(_ path: String, mode: UInt16 = 0o755) async throws(SandstormError) -> Bool {
        try await link.makeDirectory(path, mode: mode)
    }

    /// Moves a file or a directory.
    ///
    /// - Parameter replacing: whether a file that is there may be replaced; else it is a `conflict`.
    @discardableResult
    public func move(_ source: String, to destination: String, replacing: Bool = false) async throws(SandstormError) -> FileInfo {
        try await link.move(source, to: destination, replacing: replacing)
    }

    /// Removes a file, a link or a directory.
    ///
    /// - Parameter recursively: without it, a directory that is not empty is a `conflict`.
    public func remove(_ path: String, recursively: Bool = false) async throws(SandstormError) {
        try await link.remove(path, recursively: recursively)
    }

    /// Changes what is set of the attributes.
    @discardableResult
    public func setAttributes(_ attributes: FileAttributes, of path: String) async throws(SandstormError) -> FileInfo {
        try await link.setAttributes(attributes, of: path)
    }

    /// Tells what changes in a directory from now on: the watch has begun when this returns, and ends with the stream.
    ///
    /// - Parameter recursively: also in its subdirectories, new ones included.
    public func watch(
        _ path: String = SandboxSpec.workspace, recursively: Bool = false
    ) async throws(SandstormError) -> SandboxStream<FileChange> { try await link.watch(path, recursively: recursively) }

    /// Reads a directory or a file as a tar archive; names in it are relative to `path`.
    ///
    /// It was packed by whatever runs in the sandbox: don't unpack it with a tool that trusts it.
    public func archive(_ path: String) async throws(SandstormError) -> SandboxStream<[UInt8]> { try await link.archive(path) }

    /// Unpacks a tar archive (not compressed) into a directory, making it if need be.
    ///
    /// - Throws: ``SandstormError``, or what `archive` throws; what was unpacked before stays.
    public func extract<Bytes: AsyncSequence & Sendable>(_ archive: Bytes, into path: String) async throws
    where Bytes.Element == [UInt8] {
        let upload = Upload(archive)
        do {
            try await link.extract(upload, into: path)
        } catch {
            throw upload.failure ?? error
        }
    }
}
