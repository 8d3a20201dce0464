/// What a sandbox sees as its file system: a list of mounts that every launcher can make, in order.
struct RootFilesystem: Hashable, Sendable {
    enum Entry: Hashable, Sendable {
        /// A file or directory of the machine.
        case bind(_ host: String, at: String, writable: Bool)
        case symbolicLink(_ target: String, at: String)
        case temporary(at: String, mode: UInt16, bytes: UInt64?)
        case processes(at: String)
        case devices(at: String)
    }

    /// The user's home: apart from the workspace, so that caches and dot files don't get between the user's files.
    static let home = "/home/user"
    static let agent = "/.sandstorm/agent"

    var entries: [Entry] = []

    mutating func bind(_ host: String, at path: String, writable: Bool = false) {
        entries.append(.bind(host, at: path, writable: writable))
    }
}
