/// A file to write.
package struct AgentPutFile: Equatable, Sendable {
    /// Relative paths start at the agent's working directory. A symbolic link at this place is replaced, not followed.
    package var path: [UInt8]
    /// Permission bits, set exactly (no umask).
    package var mode: UInt32
    package var flags: Flags

    package init(path: [UInt8], mode: UInt32 = 0o644, flags: Flags = []) {
        self.path = path
        self.mode = mode
        self.flags = flags
    }

    package init(path: String, mode: UInt32 = 0o644, flags: Flags = []) {
        self.init(path: Array(path.utf8), mode: mode, flags: flags)
    }

    /// Switches of a put. Bits that the agent does not know make it refuse the put.
    package struct Flags: OptionSet, Sendable {
        package var rawValue: UInt8

        package init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        /// Missing parent directories are made, with mode 755.
        package static let createsParents = Flags(rawValue: 1 << 0)

        package static let known: Flags = [.createsParents]
    }
}

/// A file, or a part of one, to read.
package struct AgentGetFile: Equatable, Sendable {
    package var path: [UInt8]
    package var offset: UInt64
    /// How many bytes at most; nil means until the end.
    package var length: UInt64?

    package init(path: [UInt8], offset: UInt64 = 0, length: UInt64? = nil) {
        self.path = path
        self.offset = offset
        self.length = length
    }

    package init(path: String, offset: UInt64 = 0, length: UInt64? = nil) {
        self.init(path: Array(path.utf8), offset: offset, length: length)
    }
}

/// What the file was when it was opened. It may grow or shrink while it is sent: `end` marks the end, not the size.
package struct AgentFileInfo: Equatable, Sendable {
    /// The whole file's size in bytes, whatever part of it was asked for.
    package var size: UInt64
    /// Type and permission bits, as in `st_mode`.
    package var mode: UInt32
    /// Last modification, in seconds since 1970 and nanoseconds within the second.
    package var modifiedSeconds: Int64
    package var modifiedNanoseconds: UInt32

    package init(size: UInt64, mode: UInt32, modifiedSeconds: Int64, modifiedNanoseconds: UInt32) {
        self.size = size
        self.mode = mode
        self.modifiedSeconds = modifiedSeconds
        self.modifiedNanoseconds = modifiedNanoseconds
    }
}
