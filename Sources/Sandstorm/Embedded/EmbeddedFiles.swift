import NIOCore
import SandstormCore
import SandstormEngine

/// The files of a sandbox of the embedded engine.
struct EmbeddedFiles: FileLink {
    let sandbox: SandboxID
    let engine: @Sendable () async throws(SandstormError) -> Engine

    func open(_ path: String, range: Range<Int64>?) async throws(SandstormError) -> SandboxFile {
        let content = try await asked { (files) async throws(ProviderError) in try await files.open(path, range: range) }
        return SandboxFile(size: content.info.size, bytes: EmbeddedFiles.stream(content.bytes))
    }

    func write(_ path: String, _ content: [UInt8], mode: UInt16) async throws(SandstormError) -> FileInfo {
        try await asked { (files) async throws(ProviderError) in
            try await files.write(path, ByteBuffer(bytes: content), mode: mode)
            return try await files.info(path, followingLinks: true)
        }
    }

    func write(_ path: String, from content: Upload, mode: UInt16) async throws(SandstormError) -> FileInfo {
        try await asked { (files) async throws(ProviderError) in
            try await files.write(path, from: content.bytes, mode: mode)
            return try await files.info(path, followingLinks: true)
        }
    }

    func info(_ path: String, followingLinks: Bool) async throws(SandstormError) -> FileInfo {
        try await asked { (files) async throws(ProviderError) in try await files.info(path, followingLinks: followingLinks) }
    }

    func list(_ path: String, depth: Int) async throws(SandstormError) -> [FileInfo] {
        try await asked { (files) async throws(ProviderError) in try await files.list(path, depth: depth) }
    }

    func makeDirectory(_ path: String, mode: UInt16) async throws(SandstormError) -> Bool {
        try await asked { (files) async throws(ProviderError) in try await files.makeDirectory(path, mode: mode) }
    }

    func move(_ source: String, to destination: String, replacing: Bool) async throws(SandstormError) -> FileInfo {
        try await asked { (files) async throws(ProviderError) in
            try await files.move(source, to: destination, replacing: replacing)
            return try await files.info(destination, followingLinks: false)
        }
    }

    func remove(_ path: String, recursively: Bool) async throws(SandstormError) {
        try await asked { (files) async throws(ProviderError) in try await files.remove(path, recursively: recursively) }
    }

    func setAttributes(_ attributes: FileAttributes, of path: String) async throws(SandstormError) -> FileInfo {
        try await asked { (files) async throws(ProviderError) in
            try await files.setAttributes(attributes, of: path)
            return try await files.info(path, followingLinks: true)
        }
    }

    func watch(_ path: String, recursively: Bool) async throws(SandstormError) -> SandboxStream<FileChange> {
        EmbeddedFiles.stream(
            try await asked { (files) async throws(ProviderError) in try await files.watch(path, recursively: recursively) }, { $0 })
    }

    func archive(_ path: String) async throws(SandstormError) -> SandboxStream<[UInt8]> {
        EmbeddedFiles.stream(try await asked { (files) async throws(ProviderError) in try await files.archive(path) })
    }

    func extract(_ archive: Upload, into path: String) async throws(SandstormError) {
        try await asked { (files) async throws(ProviderError) in try await files.extract(archive.bytes, into: path) }
    }

    // MARK: Translation

    private func asked<Answer: Sendable>(
        _ question: @Sendable (any SandboxFiles) async throws(ProviderError) -> Answer
    ) async throws(SandstormError) -> Answer {
        let engine = try await engine()
        do throws(EngineError) {
            let files = try await engine.files(of: sandbox, for: .local)
            do throws(ProviderError) { return try await question(files) } catch { throw EngineError(error) }
        } catch {
            throw Task.isCancelled ? .cancelled : SandstormError(error)
        }
    }

    private static func stream(_ bytes: ByteStream) -> SandboxStream<[UInt8]> { stream(bytes) { Array($0.readableBytesView) } }

    private static func stream<Source: Sendable, Element: Sendable>(
        _ source: PulledSequence<Source>, _ transform: @escaping @Sendable (Source) -> Element
    ) -> SandboxStream<Element> {
        SandboxStream { () async throws(SandstormError) in
            // All iterators draw from the same source.
            var iterator = source.makeAsyncIterator()
            do throws(ProviderError) {
                return try await iterator.next(isolation: nil).map(transform)
            } catch {
                throw Task.isCancelled ? .cancelled : SandstormError(EngineError(error))
            }
        }
    }
}

extension Upload {
    /// The bytes as the waist has them.
    fileprivate var bytes: ByteStream {
        ByteStream { () async throws(ProviderError) in
            // What went wrong is kept by the upload itself, for its caller.
            do { return try await self.next() } catch { throw ProviderError(.invalid, "the bytes to be written came to no end") }
        }
    }
}
