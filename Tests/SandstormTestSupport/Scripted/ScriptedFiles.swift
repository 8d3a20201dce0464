import NIOCore
import SandstormCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The files of a scripted sandbox, in memory.
struct ScriptedFiles: SandboxFiles {
    let sandbox: ProviderSandboxID
    let provider: ScriptedProvider

    private func change<Result: Sendable>(
        _ kind: FileChange.Kind? = nil, _ path: String = "/", _ body: (inout ScriptedFileTree) throws(ProviderError) -> Result
    ) async throws(ProviderError) -> Result {
        try await provider.begin(.files)
        let (result, watches) = try provider.withLiving(sandbox) { living throws(ProviderError) in
            (try body(&living.files), living.watches)
        }
        if let kind { for watch in watches { watch.tell(kind, ScriptedFileTree.absolute(path)) } }
        return result
    }

    func write(_ path: String, _ content: ByteBuffer, mode: UInt16) async throws(ProviderError) {
        let bytes = Array(content.readableBytesView)
        let isNew = try await change { tree throws(ProviderError) in try tree.write(path, bytes, mode: mode) }
        try await change(isNew ? .created : .modified, path) { _ in }
        provider.wrote(ScriptedFileTree.absolute(path), bytes)
    }

    func write(_ path: String, from content: ByteStream, mode: UInt16) async throws(ProviderError) {
        try await write(path, try await content.collect(upTo: 1 << 30), mode: mode)
    }

    func read(_ path: String, upTo limit: Int) async throws(ProviderError) -> ByteBuffer {
        let content = try await change { tree throws(ProviderError) in try tree.content(path) }
        guard content.count <= limit else { throw ProviderError(.invalid, "\(path) is too large", fileProblem: .tooLarge) }
        return ByteBuffer(bytes: content)
    }

    func open(_ path: String, range: Range<Int64>?) async throws(ProviderError) -> FileContent {
        let (info, content) = try await change { tree throws(ProviderError) in
            (try tree.info(path, followingLinks: true), try tree.content(path))
        }
        let all = 0..<Int64(content.count)
        let part = (range ?? all).clamped(to: all)
        return FileContent(info: info, bytes: pieces(content[Int(part.lowerBound)..<Int(part.upperBound)]))
    }

    func info(_ path: String, followingLinks: Bool) async throws(ProviderError) -> FileInfo {
        try await change { tree throws(ProviderError) in try tree.info(path, followingLinks: followingLinks) }
    }

    func list(_ path: String, depth: Int) async throws(ProviderError) -> [FileInfo] {
        try await change { tree throws(ProviderError) in try tree.list(path, depth: depth) }
    }

    func makeDirectory(_ path: String, mode: UInt16) async throws(ProviderError) -> Bool {
        let isNew = try await change { tree throws(ProviderError) in try tree.makeDirectory(path, mode: mode) }
        if isNew { try await change(.created, path) { _ in } }
        return isNew
    }

    func move(_ source: String, to destination: String, replacing: Bool) async throws(ProviderError) {
        try await change { tree throws(ProviderError) in try tree.move(source, to: destination, replacing: replacing) }
        try await change(.renamed, source) { _ in }
        try await change(.renamed, destination) { _ in }
    }

    func remove(_ path: String, recursively: Bool) async throws(ProviderError) {
        try await change(.removed, path) { tree throws(ProviderError) in try tree.remove(path, recursively: recursively) }
    }

    func setAttributes(_ attributes: FileAttributes, of path: String) async throws(ProviderError) {
        try await change(.attributes, path) { tree throws(ProviderError) in try tree.set(attributes, of: path) }
    }

    func watch(_ path: String, recursively: Bool) async throws(ProviderError) -> FileChanges {
        guard provider.capabilities.watch else { throw .unsupported("watch") }
        try await provider.begin(.files)
        let watch = ScriptedWatch(path: ScriptedFileTree.absolute(path), recursively: recursively)
        try provider.withLiving(sandbox) { living throws(ProviderError) in
            guard try living.files.info(path, followingLinks: true).kind == .directory else {
                throw ProviderError(.invalid, "\(path) is not a directory", fileProblem: .notDirectory)
            }
            living.watches.append(watch)
        }
        return FileChanges { () async throws(ProviderError) in try await watch.next() }
    }

    func archive(_ path: String) async throws(ProviderError) -> ByteStream {
        pieces(try await change { tree throws(ProviderError) in try tree.archive(path) }[...])
    }

    func extract(_ archive: ByteStream, into path: String) async throws(ProviderError) {
        let bytes = Array(try await archive.collect(upTo: 1 << 30).readableBytesView)
        try await change { tree throws(ProviderError) in try tree.extract(bytes, into: path) }
    }

    private func pieces(_ bytes: ArraySlice<UInt8>) -> ByteStream {
        let rest = Locked(bytes)
        return ByteStream { () async throws(ProviderError) in
            rest.withLock { rest in
                guard !rest.isEmpty else { return nil }
                defer { rest = rest.dropFirst(64 * 1024) }
                return ByteBuffer(bytes: rest.prefix(64 * 1024))
            }
        }
    }
}

/// A directory that somebody watches.
final class ScriptedWatch: Sendable {
    private let path: String
    private let recursively: Bool
    private let state = Locked((changes: [FileChange](), hasEnded: false))

    init(path: String, recursively: Bool) {
        self.path = path
        self.recursively = recursively
    }

    func tell(_ kind: FileChange.Kind, _ changed: String) {
        let prefix = path == "/" ? "/" : path + "/"
        guard changed.hasPrefix(prefix), recursively || !changed.dropFirst(prefix.count).contains("/") else { return }
        state.withLock { $0.changes.append(FileChange(kind, path: changed)) }
    }

    func end() { state.withLock { $0.hasEnded = true } }

    func next() async throws(ProviderError) -> FileChange? {
        while true {
            let (change, hasEnded) = state.withLock { state in
                (state.changes.isEmpty ? nil : state.changes.removeFirst(), state.hasEnded)
            }
            if let change { return change }
            if hasEnded { throw ProviderError(.notFound, "the sandbox is gone") }
            do { try await Task.sleep(for: .milliseconds(2)) } catch { return nil }
        }
    }
}
