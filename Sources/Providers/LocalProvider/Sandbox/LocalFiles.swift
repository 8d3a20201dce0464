#if os(Linux)
import NIOCore
import SandstormCore

/// The agent's files, with an answer where a frozen agent would give none.
struct LocalFiles: SandboxFiles {
    private let files: any SandboxFiles
    /// Throws if the sandbox is paused or gone.
    private let check: @Sendable () throws(ProviderError) -> Void

    init(_ files: any SandboxFiles, check: @escaping @Sendable () throws(ProviderError) -> Void) {
        self.files = files
        self.check = check
    }

    func write(_ path: String, _ content: ByteBuffer, mode: UInt16) async throws(ProviderError) {
        try check()
        try await files.write(path, content, mode: mode)
    }

    func write(_ path: String, from content: ByteStream, mode: UInt16) async throws(ProviderError) {
        try check()
        try await files.write(path, from: content, mode: mode)
    }

    func read(_ path: String, upTo limit: Int) async throws(ProviderError) -> ByteBuffer {
        try check()
        return try await files.read(path, upTo: limit)
    }

    func open(_ path: String, range: Range<Int64>?) async throws(ProviderError) -> FileContent {
        try check()
        return try await files.open(path, range: range)
    }

    func info(_ path: String, followingLinks: Bool) async throws(ProviderError) -> FileInfo {
        try check()
        return try await files.info(path, followingLinks: followingLinks)
    }

    func list(_ path: String, depth: Int) async throws(ProviderError) -> [FileInfo] {
        try check()
        return try await files.list(path, depth: depth)
    }

    func makeDirectory(_ path: String, mode: UInt16) async throws(ProviderError) -> Bool {
        try check()
        return try await files.makeDirectory(path, mode: mode)
    }

    func move(_ source: String, to destination: String, replacing: Bool) async throws(ProviderError) {
        try check()
        try await files.move(source, to: destination, replacing: replacing)
    }

    func remove(_ path: String, recursively: Bool) async throws(ProviderError) {
        try check()
        try await files.remove(path, recursively: recursively)
    }

    func setAttributes(_ attributes: FileAttributes, of path: String) async throws(ProviderError) {
        try check()
        try await files.setAttributes(attributes, of: path)
    }

    func watch(_ path: String, recursively: Bool) async throws(ProviderError) -> FileChanges {
        try check()
        return try await files.watch(path, recursively: recursively)
    }

    func archive(_ path: String) async throws(ProviderError) -> ByteStream {
        try check()
        return try await files.archive(path)
    }

    func extract(_ archive: ByteStream, into path: String) async throws(ProviderError) {
        try check()
        try await files.extract(archive, into: path)
    }
}
#endif
