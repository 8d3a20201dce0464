import HTTPTypes
import SandstormCore
import SandstormEngine

/// What callers noted down about files as they wrote them: names and values, kept with the sandbox.
///
/// It belongs to a path and follows what is moved or removed through this front end. What processes do to files is not seen.
struct FileMetadata: Sendable {
    /// Before the path in the names of the sandbox's attributes.
    private static let prefix = "e2b.file:"
    /// The most that one sandbox may have of it, in bytes.
    static let limit = 256 * 1024

    private let attributes: JSONObject

    /// As it was when the sandbox was found.
    init(of sandbox: OpenSandbox) { attributes = sandbox.info.attributes }

    /// As it is after `changes`.
    init(of sandbox: OpenSandbox, with changes: JSONObject) {
        var attributes = sandbox.info.attributes
        for member in changes.members { attributes[member.key] = member.value == .null ? nil : member.value }
        self.attributes = attributes
    }

    /// What was noted down about a file.
    func of(_ path: String) -> [String: String] {
        guard let object = attributes[FileMetadata.prefix + path]?.objectValue else { return [:] }
        return Dictionary(object.members.compactMap { member in member.value.stringValue.map { (member.key, $0) } }) { $1 }
    }

    // MARK: Changes, to be given to the engine; `null` forgets.

    /// - Throws: ``E2BError``: 400 if it would be too much.
    func replacing(_ metadata: [String: String], of path: String) throws(E2BError) -> JSONObject {
        guard !metadata.isEmpty || attributes[FileMetadata.prefix + path] != nil else { return [:] }
        let value = metadata.json
        if !metadata.isEmpty {
            let others = attributes.members.filter { $0.key.hasPrefix(FileMetadata.prefix) && $0.key != FileMetadata.prefix + path }
            let size = others.reduce(path.utf8.count + value.encodedBytes.count) { $0 + $1.key.utf8.count + $1.value.encodedBytes.count }
            guard size <= FileMetadata.limit else {
                throw E2BError(.badRequest, "the metadata of all files of a sandbox may have \(FileMetadata.limit) bytes")
            }
        }
        return [FileMetadata.prefix + path: metadata.isEmpty ? .null : value]
    }

    /// A file or a directory has another path now.
    func moving(_ source: String, to destination: String) -> JSONObject {
        var changes = removing(destination)
        for (path, member) in below(source) {
            changes[member.key] = .null
            changes[FileMetadata.prefix + destination + path.dropFirst(source.count)] = member.value
        }
        return changes
    }

    /// A file or a directory is gone.
    func removing(_ path: String) -> JSONObject {
        var changes = JSONObject()
        for (_, member) in below(path) { changes[member.key] = .null }
        return changes
    }

    private func below(_ path: String) -> [(path: String, member: JSONObject.Member)] {
        let directory = path.hasSuffix("/") ? path : path + "/"
        return attributes.members.compactMap { member in
            guard member.key.hasPrefix(FileMetadata.prefix), member.value != .null else { return nil }
            let own = String(member.key.dropFirst(FileMetadata.prefix.count))
            return own == path || own.hasPrefix(directory) ? (own, member) : nil
        }
    }
}

extension Engine {
    /// Notes down changes, if there are any.
    func note(_ changes: JSONObject, in sandbox: OpenSandbox) async throws(EngineError) {
        guard !changes.members.isEmpty else { return }
        try await setAttributes(changes, of: sandbox.id, for: sandbox.principal)
    }
}
