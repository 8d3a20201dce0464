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
    /// What is told next, before anything else.
    private let following = Locked<JSONValue?>(nil)

    init(path: String, changes: FileChanges, files: any SandboxFiles, metadata: FileMetadata, includesEntries: Bool) {
        self.path = path
        self.changes = changes
        self.files = files
        self.metadata = metadata
        self.includesEntries = includesEntries
    }

    /// The next event; `nil` once the directory is not watched any more.
    ///
    /// - Throws: ``ConnectError`` if more changed than could be told, or what the watch threw.
    func next() async throws -> JSONValue? {
        let following = following.withLock { following in
            defer { following = nil }
            return following
        }
        if let following { return following }
        var iterator = changes.makeAsyncIterator()
        guard let change = try await iterator.next(isolation: nil) else { return nil }
        guard change.kind != .overflow else { throw ConnectError(.internal, "more changed in \(path) than could be told") }
        var entry: EntryInfo?
        switch change.kind {
        case .created, .renamed: entry = await self.entry(change.path)
        case .removed: break
        default: if includesEntries { entry = await self.entry(change.path) }
        }
        // A file that comes with its content, as uploads do here, is seen there as made and then written.
        if change.kind == .created, let entry, entry.isFileWithContent {
            self.following.withLock { $0 = event(DirectoryWatch.type(of: .modified, isThere: true), change.path, entry) }
        }
        return event(DirectoryWatch.type(of: change.kind, isThere: entry != nil), change.path, entry)
    }

    private func event(_ type: String, _ path: String, _ entry: EntryInfo?) -> JSONValue {
        var object: JSONObject = ["name": .string(name(of: path)), "type": .string(type)]
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
