import NIOCore
import SandstormCore

/// The files of a living sandbox. What shows that the sandbox is gone makes it be looked for.
struct LivingFiles: SandboxFiles {
    let files: any SandboxFiles
    let sandbox: LivingSandbox

    private func watching<Value: Sendable>(
        _ body: () async throws(ProviderError) -> Value
    ) async throws(ProviderError) -> Value {
        do throws(ProviderError) {
            return try await body()
        } catch {
            if error.saysThatSandboxIsGone { await sandbox.suspect() }
            throw error
        }
    }

    private func watching<Element>(_ elements: PulledSequence<Element>) -> PulledSequence<Element> {
        PulledSequence { () async throws(ProviderError) in
            try await watching { () async throws(ProviderError) in
                var iterator = elements.makeAsyncIterator()
                return try await iterator.next(isolation: nil)
            }
        }
    }

    func write(_ path: String, _ content: ByteBuffer, mode: UInt16) async throws(ProviderError) {
        try await watching { () async throws(ProviderError) in try await files.write(path, content, mode: mode) }
    }

    func write(_ path: String, from content: ByteStream, mode: UInt16) async throws(ProviderError) {
        try await watching { () async throws(ProviderError) in try await files.write(path, from: content, mode: mode) }
    }

    func read(_ path: String, upTo limit: Int) async throws(ProviderError) -> ByteBuffer {
        try await watching { () async throws(ProviderError) in try await files.read(path, upTo: limit) }
    }

    func open(_ path: String, range: Range<Int64>?) async throws(ProviderError) -> FileContent {
        var content = try await watching { () async throws(ProviderError) in try await files.open(path, range: range) }
        content.bytes = watching(content.bytes)
        return content
    }

    func info(_ path: String, followingLinks: Bool) async throws(ProviderError) -> FileInfo {
        try await watching { () async throws(ProviderError) in try await files.info(path, followingLinks: followingLinks) }
    }

    func list(_ path: String, depth: Int) async throws(ProviderError) -> [FileInfo] {
        try await watching { () async throws(ProviderError) in try await files.list(path, depth: depth) }
    }

    func makeDirectory(_ path: String, mode: UInt16) async throws(ProviderError) -> Bool {
        try await watching { () async throws(ProviderError) in try await files.makeDirectory(path, mode: mode) }
    }

    func move(_ source: String, to destination: String, replacing: Bool) async throws(ProviderError) {
        try await watching { () async throws(ProviderError) in try await files.move(source, to: destination, replacing: replacing) }
    }

    func remove(_ path: String, recursively: Bool) async throws(ProviderError) {
        try await watching { () async throws(ProviderError) in try await files.remove(path, recursively: recursively) }
    }

    func setAttributes(_ attributes: FileAttributes, of path: String) async throws(ProviderError) {
        try await watching { () async throws(ProviderError) in try await files.setAttributes(attributes, of: path) }
    }

    func watch(_ path: String, recursively: Bool) async throws(ProviderError) -> FileChanges {
        watching(try await watching { () async throws(ProviderError) in try await files.watch(path, recursively: recursively) })
    }

    func archive(_ path: String) async throws(ProviderError) -> ByteStream {
        watching(try await watching { () async throws(ProviderError) in try await files.archive(path) })
    }

    func extract(_ archive: ByteStream, into path: String) async throws(ProviderError) {
        try await watching { () async throws(ProviderError) in try await files.extract(archive, into: path) }
    }
}
