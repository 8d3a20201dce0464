package import NIOCore
package import SandstormCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The files of a sandbox, handled by its agent: no path, however it is twisted, leads out of the sandbox.
package struct AgentSandboxFiles: SandboxFiles {
    /// More entries than this are not listed at once: they have to be kept, and answered in one piece.
    private static let longestList = 1_000_000
    private static let longestPath = 4096

    private let connection: AgentConnection

    /// Who handles them; nil for whoever the agent is.
    private let user: String?

    package init(_ connection: AgentConnection, as user: String? = nil) {
        self.connection = connection
        self.user = user
    }

    package func write(_ path: String, _ content: ByteBuffer, mode: UInt16) async throws(ProviderError) {
        try await connection.write(absolute(path), content, mode: mode, as: user)
    }

    package func write(_ path: String, from content: ByteStream, mode: UInt16) async throws(ProviderError) {
        let put = AgentPutFile(path: try absolute(path), mode: UInt32(mode), flags: .createsParents)
        try await connection.openUpload(.putFile(put), as: user).send(content)
    }

    package func read(_ path: String, upTo limit: Int) async throws(ProviderError) -> ByteBuffer {
        try await connection.read(absolute(path), upTo: limit, as: user)
    }

    package func open(_ path: String, range: Range<Int64>?) async throws(ProviderError) -> FileContent {
        let path = try absolute(path)
        guard (range?.lowerBound ?? 0) >= 0 else { throw ProviderError(.invalid, "a file has no bytes before its first") }
        let offset = UInt64(range?.lowerBound ?? 0)
        let get = AgentGetFile(path: path, offset: offset, length: range.map { UInt64($0.count) })
        let (stream, entry) = try await connection.openStream(.readFile(get), as: user)
        guard let entry else { throw ProviderError(.unavailable, "the sandbox's agent did not say what the file is") }
        return FileContent(info: FileInfo(entry, path: path), bytes: stream.bytes)
    }

    package func info(_ path: String, followingLinks: Bool) async throws(ProviderError) -> FileInfo {
        let path = try absolute(path)
        let reply = try await connection.call(
            .statFile(AgentPathRequest(path, flags: followingLinks ? .followsLinks : [])), as: user)
        guard case .entry(let entry) = reply else { throw ProviderError(.unavailable, "the sandbox's agent did not say what is there") }
        return FileInfo(entry, path: path)
    }

    /// Sorted by path, each directory followed by what is in it.
    package func list(_ path: String, depth: Int) async throws(ProviderError) -> [FileInfo] {
        let path = try absolute(path)
        guard depth > 0 else { throw ProviderError(.invalid, "a listing has a depth of 1 at least") }
        let (stream, _) = try await connection.openStream(
            .listFiles(AgentListFiles(path: path, depth: UInt32(clamping: depth))), as: user)
        let records = AgentRecordStream(stream, of: .entry)
        var entries: [AgentFileEntry] = []
        while let record = try await records.next() {
            guard case .entry(let entry) = record else { continue }
            guard entries.count < Self.longestList else {
                throw ProviderError(.invalid, "\(path) has more than \(Self.longestList) entries", fileProblem: .tooLarge)
            }
            entries.append(entry)
        }
        entries.sort { $0.path.lexicographicallyPrecedes($1.path, by: Self.isBefore) }
        let directory = path.hasSuffix("/") ? path : path + "/"
        return entries.map { FileInfo($0, path: directory + String(decoding: $0.path, as: UTF8.self)) }
    }

    /// A slash before all others, so that `a/b` stands before `a-b`.
    private static func isBefore(_ one: UInt8, _ other: UInt8) -> Bool {
        let slash = UInt8(ascii: "/")
        return (one == slash ? 0 : one) < (other == slash ? 0 : other)
    }

    package func makeDirectory(_ path: String, mode: UInt16) async throws(ProviderError) -> Bool {
        let path = try absolute(path)
        let reply = try await connection.call(.makeDirectory(AgentMakeDirectory(path: path, mode: UInt32(mode))), as: user)
        if case .present = reply { return false }
        return true
    }

    package func move(_ source: String, to destination: String, replacing: Bool) async throws(ProviderError) {
        let move = AgentMoveFile(source: try absolute(source), destination: try absolute(destination), replaces: replacing)
        _ = try await connection.call(.moveFile(move), as: user)
    }

    package func remove(_ path: String, recursively: Bool) async throws(ProviderError) {
        _ = try await connection.call(.removeFile(AgentPathRequest(absolute(path), flags: recursively ? .recursive : [])), as: user)
    }

    package func setAttributes(_ attributes: FileAttributes, of path: String) async throws(ProviderError) {
        let path = try absolute(path)
        let request = AgentSetAttributes(
            path: Array(path.utf8),
            mode: attributes.mode.map(UInt32.init),
            owner: attributes.owner.map { Array($0.utf8) },
            group: attributes.group.map { Array($0.utf8) },
            modified: attributes.modifiedAt.map(AgentSetAttributes.Modified.init))
        _ = try await connection.call(.setAttributes(request), as: user)
    }

    package func watch(_ path: String, recursively: Bool) async throws(ProviderError) -> FileChanges {
        let path = try absolute(path)
        let request = AgentPathRequest(path, flags: recursively ? .recursive : [])
        let records = AgentRecordStream(try await connection.openStream(.watchFiles(request), as: user).stream, of: .change)
        let directory = path.hasSuffix("/") ? path : path + "/"
        return FileChanges { () async throws(ProviderError) in
            guard case .change(let change)? = try await records.next() else { return nil }
            let relative = String(decoding: change.path, as: UTF8.self)
            return FileChange(FileChange.Kind(change.kind), path: relative.isEmpty ? path : directory + relative)
        }
    }

    package func archive(_ path: String) async throws(ProviderError) -> ByteStream {
        try await connection.openStream(.archiveFiles(AgentPathRequest(absolute(path))), as: user).stream.bytes
    }

    package func extract(_ archive: ByteStream, into path: String) async throws(ProviderError) {
        try await connection.openStream(.extractFiles(AgentPathRequest(absolute(path))), as: user).stream.send(archive)
    }

    private func absolute(_ path: String) throws(ProviderError) -> String {
        guard path.utf8.count < Self.longestPath else {
            throw ProviderError(.invalid, "a path of \(path.utf8.count) bytes is too long", fileProblem: .badPath)
        }
        return path.hasPrefix("/") ? path : "\(SandboxSpec.workspace)/\(path)"
    }
}

extension AgentStream {
    /// The agent's bytes, for one consumer. The stream lives as long as they are asked for.
    fileprivate var bytes: ByteStream { ByteStream { () async throws(ProviderError) in try await self.next() } }
}

extension FileInfo {
    fileprivate init(_ entry: AgentFileEntry, path: String) {
        let kind: Kind =
            switch entry.mode & 0o170000 {
            case 0o100000: .file
            case 0o040000: .directory
            case 0o120000: .symbolicLink
            default: .other
            }
        self.init(
            path: path,
            kind: kind,
            size: Int64(clamping: entry.size),
            mode: UInt16(entry.mode & 0o7777),
            owner: entry.owner.isEmpty ? String(entry.uid) : String(decoding: entry.owner, as: UTF8.self),
            group: entry.group.isEmpty ? String(entry.gid) : String(decoding: entry.group, as: UTF8.self),
            modifiedAt: Date(timeIntervalSince1970: Double(entry.modifiedSeconds) + Double(entry.modifiedNanoseconds) / 1e9),
            linkTarget: kind == .symbolicLink ? String(decoding: entry.linkTarget, as: UTF8.self) : nil)
    }
}

extension FileChange.Kind {
    fileprivate init(_ kind: AgentFileChange.Kind) {
        switch kind {
        case .created: self = .created
        case .modified: self = .modified
        case .removed: self = .removed
        case .renamed: self = .renamed
        case .attributes: self = .attributes
        case .overflow: self = .overflow
        }
    }
}

extension AgentSetAttributes.Modified {
    fileprivate init(_ date: Date) {
        // What lies beyond is no time of a file; the conversion below would trap.
        let seconds = min(max(date.timeIntervalSince1970, -1e11), 1e11)
        let whole = seconds.rounded(.down)
        self.init(seconds: Int64(whole), nanoseconds: UInt32(min((seconds - whole) * 1e9, 999_999_999)))
    }
}
