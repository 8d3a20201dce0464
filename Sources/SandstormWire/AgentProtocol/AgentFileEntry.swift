/// Something in the sandbox's file system, as the agent sees it.
package struct AgentFileEntry: Equatable, Sendable {
    /// As it was asked for; of a listing's entries, relative to the listed directory.
    package var path: [UInt8]
    /// Type and permission bits, as in `st_mode`.
    package var mode: UInt32
    package var size: UInt64
    /// Last modification, in seconds since 1970 and nanoseconds within the second.
    package var modifiedSeconds: Int64
    package var modifiedNanoseconds: UInt32
    package var uid: UInt32
    package var gid: UInt32
    /// The names that the sandbox's `/etc/passwd` and `/etc/group` have for the numbers; empty if none.
    package var owner: [UInt8]
    package var group: [UInt8]
    /// What a symbolic link points to; empty for everything else.
    package var linkTarget: [UInt8]

    package init(
        path: [UInt8],
        mode: UInt32,
        size: UInt64,
        modifiedSeconds: Int64,
        modifiedNanoseconds: UInt32,
        uid: UInt32,
        gid: UInt32,
        owner: [UInt8] = [],
        group: [UInt8] = [],
        linkTarget: [UInt8] = []
    ) {
        self.path = path
        self.mode = mode
        self.size = size
        self.modifiedSeconds = modifiedSeconds
        self.modifiedNanoseconds = modifiedNanoseconds
        self.uid = uid
        self.gid = gid
        self.owner = owner
        self.group = group
        self.linkTarget = linkTarget
    }

    func encode(into writer: inout AgentPayloadWriter) {
        writer.append(mode)
        writer.append(size)
        writer.append(UInt64(bitPattern: modifiedSeconds))
        writer.append(modifiedNanoseconds)
        writer.append(uid)
        writer.append(gid)
        writer.append(bytes: owner)
        writer.append(bytes: group)
        writer.append(bytes: linkTarget)
        writer.append(bytes: path)
    }

    init(from reader: inout AgentPayloadReader) throws(AgentProtocolError) {
        mode = try reader.readUInt32()
        size = try reader.readUInt64()
        modifiedSeconds = Int64(bitPattern: try reader.readUInt64())
        modifiedNanoseconds = try reader.readUInt32()
        uid = try reader.readUInt32()
        gid = try reader.readUInt32()
        owner = try reader.readBytes()
        group = try reader.readBytes()
        linkTarget = try reader.readBytes()
        path = try reader.readBytes()
    }
}

/// Something that changed in a watched directory.
package struct AgentFileChange: Equatable, Sendable {
    package enum Kind: UInt8, CaseIterable, Sendable {
        case created = 0
        case modified = 1
        case removed = 2
        /// Told once for each of the two names.
        case renamed = 3
        case attributes = 4
        /// Changes were lost; the path is empty.
        case overflow = 5
    }

    package var kind: Kind
    /// Relative to the watched directory; empty for that directory itself.
    package var path: [UInt8]

    package init(_ kind: Kind, path: [UInt8]) {
        self.kind = kind
        self.path = path
    }

    func encode(into writer: inout AgentPayloadWriter) {
        writer.append(kind.rawValue)
        writer.append(bytes: path)
    }

    init(from reader: inout AgentPayloadReader) throws(AgentProtocolError) {
        guard let kind = Kind(rawValue: try reader.readUInt8()) else { throw reader.malformed("unknown kind of change") }
        self.kind = kind
        path = try reader.readBytes()
    }
}
