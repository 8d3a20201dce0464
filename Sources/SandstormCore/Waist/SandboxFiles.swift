public import NIOCore

#if canImport(FoundationEssentials)
public import FoundationEssentials
#else
public import Foundation
#endif

/// The files inside a sandbox. Paths are absolute, or relative to the workspace; `~` means nothing.
///
/// Everything happens inside the sandbox, as its user: no path leads out of it, and what its user may not do is refused. What
/// fails because of a file is thrown with ``ProviderError/fileProblem`` set.
public protocol SandboxFiles: Sendable {
    /// Writes a file, making its parent directories; an existing one is replaced at once or not at all.
    func write(_ path: String, _ content: ByteBuffer, mode: UInt16) async throws(ProviderError)

    /// Writes a file of any size as its bytes come, making its parent directories.
    ///
    /// An existing one is replaced at once when the last byte has come; if `content` throws or the task is cancelled, nothing
    /// is left of what came.
    func write(_ path: String, from content: ByteStream, mode: UInt16) async throws(ProviderError)

    /// Reads a whole file.
    ///
    /// - Throws: ``ProviderError``: `invalid` if it is no regular file or larger than `limit` bytes.
    func read(_ path: String, upTo limit: Int) async throws(ProviderError) -> ByteBuffer

    /// Opens a file, or a part of one, for reading as its bytes come.
    ///
    /// - Parameter range: the first byte, and the one after the last; what is beyond the file's end is not there. `nil` for all.
    func open(_ path: String, range: Range<Int64>?) async throws(ProviderError) -> FileContent

    /// What is at `path`.
    ///
    /// - Parameter followingLinks: whether a symbolic link stands for what it points to.
    func info(_ path: String, followingLinks: Bool) async throws(ProviderError) -> FileInfo

    /// What is in a directory, by path; not the directory itself.
    ///
    /// - Parameter depth: 1 for its own entries, more for those of its subdirectories. Links are not followed.
    func list(_ path: String, depth: Int) async throws(ProviderError) -> [FileInfo]

    /// Makes a directory and its parents.
    ///
    /// - Returns: `false` if it was there.
    func makeDirectory(_ path: String, mode: UInt16) async throws(ProviderError) -> Bool

    /// Moves a file or a directory.
    ///
    /// - Parameter replacing: whether a file that is there may be replaced; else it is `exists`.
    func move(_ source: String, to destination: String, replacing: Bool) async throws(ProviderError)

    /// Removes a file, a link, or a directory with everything in it.
    ///
    /// - Parameter recursively: without it, a directory that is not empty is `notEmpty`.
    func remove(_ path: String, recursively: Bool) async throws(ProviderError)

    /// Changes what is set of the attributes.
    func setAttributes(_ attributes: FileAttributes, of path: String) async throws(ProviderError)

    /// Tells what changes in a directory from now on.
    ///
    /// - Parameter recursively: also in its subdirectories, new ones included.
    func watch(_ path: String, recursively: Bool) async throws(ProviderError) -> FileChanges

    /// Reads a directory or a file as a POSIX (pax) tar archive; names in it are relative to `path`.
    func archive(_ path: String) async throws(ProviderError) -> ByteStream

    /// Unpacks a tar archive (not compressed) into a directory, making it if need be.
    ///
    /// Members that would end up outside of it (absolute names, `..`, through links), device nodes, and hard links outward make
    /// it fail with `badArchive`; what was unpacked before them stays.
    func extract(_ archive: ByteStream, into path: String) async throws(ProviderError)
}

/// The defaults of what not every place can do.
extension SandboxFiles {
    /// Throws `unsupported`, for places that can't watch.
    public func watch(_ path: String, recursively: Bool) async throws(ProviderError) -> FileChanges { throw .unsupported("watch") }
}

/// A file that is being read.
public struct FileContent: Sendable {
    /// What the file was when it was opened; its size is the whole file's.
    public var info: FileInfo
    /// The bytes asked for. One consumer; ends early if the file becomes shorter.
    public var bytes: ByteStream

    /// Takes what was found and a way to read it.
    public init(info: FileInfo, bytes: ByteStream) {
        self.info = info
        self.bytes = bytes
    }
}

/// Something in a sandbox's file system.
public struct FileInfo: Hashable, Sendable {
    /// What it is.
    public enum Kind: String, CaseIterable, Hashable, Sendable {
        case file, directory, symbolicLink, other
    }

    /// Absolute. A name that is not UTF-8 has U+FFFD in it, and can't be asked for by this text.
    public var path: String
    /// What it is; a link is one unless it was to be followed.
    public var kind: Kind
    /// In bytes.
    public var size: Int64
    /// Permission bits, set-id and sticky bits included: `0o644`.
    public var mode: UInt16
    /// The owner's name inside the sandbox, or number if it has none.
    public var owner: String
    /// The group's name inside the sandbox, or number if it has none.
    public var group: String
    /// When its content last changed.
    public var modifiedAt: Date
    /// What a symbolic link points to, as written in it.
    public var linkTarget: String?

    /// The last component of the path.
    public var name: String { String(path.split(separator: "/").last ?? "/") }

    /// Takes what the sandbox says, as it says it.
    public init(
        path: String, kind: Kind, size: Int64, mode: UInt16, owner: String, group: String, modifiedAt: Date, linkTarget: String? = nil
    ) {
        self.path = path
        self.kind = kind
        self.size = size
        self.mode = mode
        self.owner = owner
        self.group = group
        self.modifiedAt = modifiedAt
        self.linkTarget = linkTarget
    }
}

/// Attributes to set; `nil` leaves one as it is.
public struct FileAttributes: Hashable, Sendable {
    /// Permission bits.
    public var mode: UInt16?
    /// A user by name or number.
    public var owner: String?
    /// A group by name or number.
    public var group: String?
    /// When the content last changed.
    public var modifiedAt: Date?

    /// Sets nothing unless told to.
    public init(mode: UInt16? = nil, owner: String? = nil, group: String? = nil, modifiedAt: Date? = nil) {
        self.mode = mode
        self.owner = owner
        self.group = group
        self.modifiedAt = modifiedAt
    }
}

/// Something that changed in a watched directory.
public struct FileChange: Hashable, Sendable {
    /// What happened.
    public enum Kind: String, CaseIterable, Hashable, Sendable {
        case created, modified, removed
        /// It has another name now, or came from one: there is one change for each name.
        case renamed
        case attributes
        /// More changed than could be told: look for yourself. The path is the watched one.
        case overflow
    }

    /// What happened.
    public var kind: Kind
    /// Absolute.
    public var path: String

    /// Takes what the sandbox says, as it says it.
    public init(_ kind: Kind, path: String) {
        self.kind = kind
        self.path = path
    }
}

/// Bytes that come one piece after the other, with back pressure. One consumer.
public typealias ByteStream = PulledSequence<ByteBuffer>
/// The changes in a watched directory until the watch is let go of, with back pressure. One consumer.
public typealias FileChanges = PulledSequence<FileChange>

extension PulledSequence where Element == ByteBuffer {
    /// All bytes in one buffer.
    ///
    /// - Throws: ``ProviderError``: `invalid` with `tooLarge` beyond `limit` bytes.
    public func collect(upTo limit: Int) async throws(ProviderError) -> ByteBuffer {
        var all = ByteBuffer()
        var iterator = makeAsyncIterator()
        while var piece = try await iterator.next(isolation: nil) {
            guard all.readableBytes + piece.readableBytes <= limit else {
                throw ProviderError(.invalid, "more than the \(limit) bytes that may be read at once", fileProblem: .tooLarge)
            }
            all.writeBuffer(&piece)
        }
        return all
    }

    /// The bytes of one buffer, if there are any.
    public init(_ buffer: ByteBuffer) {
        let rest = Locked<ByteBuffer?>(buffer.readableBytes > 0 ? buffer : nil)
        self.init { () async throws(ProviderError) in rest.withLock { $0.take() } }
    }
}
