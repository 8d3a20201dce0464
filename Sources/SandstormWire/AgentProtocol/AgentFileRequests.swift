/// What is to be done with one path.
package struct AgentPathRequest: Equatable, Sendable {
    /// Relative paths start at the agent's working directory.
    package var path: [UInt8]
    package var flags: Flags

    package init(_ path: [UInt8], flags: Flags = []) {
        self.path = path
        self.flags = flags
    }

    package init(_ path: String, flags: Flags = []) {
        self.init(Array(path.utf8), flags: flags)
    }

    /// Switches, each of which has a meaning for one kind of request. Bits that make no sense to the agent make it refuse the request.
    package struct Flags: OptionSet, Sendable {
        package var rawValue: UInt8

        package init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        /// `statFile`: a symbolic link stands for what it points to.
        package static let followsLinks = Flags(rawValue: 1 << 0)
        /// `removeFile`, `watchFiles`: what is below is meant too.
        package static let recursive = Flags(rawValue: 1 << 1)
    }
}

/// A directory to list.
package struct AgentListFiles: Equatable, Sendable {
    package var path: [UInt8]
    /// 1 for the directory's own entries, more for those of its subdirectories.
    package var depth: UInt32

    package init(path: String, depth: UInt32) {
        self.init(path: Array(path.utf8), depth: depth)
    }

    package init(path: [UInt8], depth: UInt32) {
        self.path = path
        self.depth = depth
    }
}

/// A directory to make, with its parents.
package struct AgentMakeDirectory: Equatable, Sendable {
    package var path: [UInt8]
    /// Permission bits of the last one, set exactly (no umask); its missing parents get 755 less the umask.
    package var mode: UInt32

    package init(path: String, mode: UInt32) {
        self.init(path: Array(path.utf8), mode: mode)
    }

    package init(path: [UInt8], mode: UInt32) {
        self.path = path
        self.mode = mode
    }
}

/// Something to move.
package struct AgentMoveFile: Equatable, Sendable {
    package var source: [UInt8]
    package var destination: [UInt8]
    /// A file or an empty directory at the destination is replaced; else it is EEXIST.
    package var replaces: Bool

    package init(source: String, destination: String, replaces: Bool) {
        self.init(source: Array(source.utf8), destination: Array(destination.utf8), replaces: replaces)
    }

    package init(source: [UInt8], destination: [UInt8], replaces: Bool) {
        self.source = source
        self.destination = destination
        self.replaces = replaces
    }
}

/// Attributes to set; nil leaves one as it is. Symbolic links are followed.
package struct AgentSetAttributes: Equatable, Sendable {
    package var path: [UInt8]
    package var mode: UInt32?
    /// By name or number.
    package var owner: [UInt8]?
    package var group: [UInt8]?
    package var modified: Modified?

    /// An instant, in seconds since 1970 and nanoseconds within the second.
    package struct Modified: Equatable, Sendable {
        package var seconds: Int64
        package var nanoseconds: UInt32

        package init(seconds: Int64, nanoseconds: UInt32) {
            self.seconds = seconds
            self.nanoseconds = nanoseconds
        }
    }

    package init(path: [UInt8], mode: UInt32? = nil, owner: [UInt8]? = nil, group: [UInt8]? = nil, modified: Modified? = nil) {
        self.path = path
        self.mode = mode
        self.owner = owner
        self.group = group
        self.modified = modified
    }
}
