import SandstormCore
import SandstormWire

/// What changes in one directory, as `FilesystemEvent`s. One consumer.
struct DirectoryWatch: Sendable {
    let path: String
    let changes: FileChanges
    let files: any SandboxFiles
    let metadata: FileMetadata
    /// Each event comes with what is at its path by then.
    let includesEntries: Bool

    /// The next event; `nil` once the directory is not watched any more.
    ///
    /// - Throws: ``ConnectError`` if more changed than could be told, or what the watch threw.
    func next() async throws -> JSONValue? {
        var iterator = changes.makeAsyncIterator()
        guard let change = try await iterator.next(isolation: nil) else { return nil }
        guard change.kind != .overflow else { throw ConnectError(.internal, "more changed in \(path) than could be told") }
        var object: JSONObject = ["name": .string(name(of: change.path))]
        var entry: EntryInfo?
        if change.kind == .renamed || includesEntries && change.kind != .removed { entry = await self.entry(change.path) }
        object["type"] = .string(DirectoryWatch.type(of: change.kind, isThere: entry != nil))
        if includesEntries { object["entry"] = entry?.json }
        return .object(object)
    }

    /// What is at a path; it may be gone by now.
    private func entry(_ path: String) async -> EntryInfo? { try? await EntryInfo(path, in: files, metadata: metadata) }

    private func name(of changed: String) -> String {
        let directory = path.hasSuffix("/") ? path : path + "/"
        return changed.hasPrefix(directory) ? String(changed.dropFirst(directory.count)) : "."
    }

    /// There, something that gets a new name is told as renamed under its old one, and as created under the new.
    private static func type(of kind: FileChange.Kind, isThere: Bool) -> String {
        switch kind {
        case .created: "EVENT_TYPE_CREATE"
        case .modified: "EVENT_TYPE_WRITE"
        case .removed: "EVENT_TYPE_REMOVE"
        case .renamed: isThere ? "EVENT_TYPE_CREATE" : "EVENT_TYPE_RENAME"
        case .attributes: "EVENT_TYPE_CHMOD"
        case .overflow: "EVENT_TYPE_UNSPECIFIED"
        }
    }
}
