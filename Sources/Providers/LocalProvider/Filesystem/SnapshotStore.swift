#if os(Linux)
import Glibc
import SandstormCore

/// Copies of sandboxes' disks, each in a directory with a description; what is not whole is not there.
struct SnapshotStore: Sendable {
    /// What a sandbox from a snapshot needs to know of it.
    struct Description: Hashable, Sendable {
        var diskGiB: Int
        /// The machine's uid of the files' user, in the image.
        var owner: UInt32
        /// The image that was the rest of the file system.
        var image: String?
        /// It is of a sandbox in which code may be root.
        var rootAccess = false
    }

    /// One that is being made.
    struct Draft: Sendable {
        fileprivate let directory: String
        var disk: String { "\(directory)/\(SnapshotStore.diskName)" }
    }

    private static let diskName = "disk.ext4"
    private static let descriptionName = "snapshot.json"
    private static let idPrefix = "snapshot-"

    let directory: String

    func begin() throws(SystemError) -> Draft {
        let draft = try newDraft()
        try HostFile.makeDirectories(draft, mode: 0o700)
        return Draft(directory: draft)
    }

    private func newDraft() throws(SystemError) -> String {
        try HostFile.makeDirectories(directory, mode: 0o700)
        return try DraftName.new(in: directory)
    }

    /// Makes a draft a snapshot. When this returns, it survives the machine's crash too.
    func publish(_ draft: Draft, _ description: Description) throws(SystemError) -> String {
        var object: JSONObject = ["disk": .integer(Int64(description.diskGiB)), "owner": .integer(Int64(description.owner))]
        object["image"] = description.image.map(JSONValue.string)
        if description.rootAccess { object["rootAccess"] = true }
        try HostFile.create("\(draft.directory)/\(Self.descriptionName)", JSONValue.object(object).encodedBytes, mode: 0o600)
        for path in [draft.disk, "\(draft.directory)/\(Self.descriptionName)", draft.directory] { try Self.sync(path) }
        let id = Self.idPrefix + SnapshotID.generate().rawValue.dropFirst(SnapshotIDKind.prefix.count + 1)
        guard rename(draft.directory, "\(directory)/\(id)") == 0 else { throw .current(in: "rename \(draft.directory)") }
        try Self.sync(directory)
        return id
    }

    private static func sync(_ path: String) throws(SystemError) {
        let file = try Descriptor.open(path, O_RDONLY)
        guard fsync(file.number) == 0 else { throw .current(in: "fsync \(path)") }
    }

    func abandon(_ draft: Draft) { HostFile.removeTree(draft.directory) }

    /// - Returns: nil if there is no such snapshot.
    func find(_ id: String) -> (description: Description, disk: String)? {
        // A name, not a path: it is looked for among those that exist.
        guard id.hasPrefix(Self.idPrefix), HostFile.names(in: directory).contains(id),
            let bytes = HostFile.read("\(directory)/\(id)/\(Self.descriptionName)"), let json = try? JSONValue(parsing: bytes),
            let disk = json["disk"]?.intValue, let owner = json["owner"]?.intValue
        else { return nil }
        let description = Description(
            diskGiB: disk, owner: UInt32(clamping: owner), image: json["image"]?.stringValue,
            rootAccess: json["rootAccess"]?.boolValue ?? false)
        return (description, "\(directory)/\(id)/\(Self.diskName)")
    }

    func delete(_ id: String) throws(SystemError) {
        guard id.hasPrefix(Self.idPrefix), HostFile.names(in: directory).contains(id) else { return }
        // First out of sight, as a whole.
        let trash = try newDraft()
        guard rename("\(directory)/\(id)", trash) == 0 else {
            if errno == ENOENT { return }
            throw .current(in: "rename \(id)")
        }
        HostFile.removeTree(trash)
    }

    /// Removes what crashes have left halfway.
    func sweep() { DraftName.sweep(directory) }
}
#endif
