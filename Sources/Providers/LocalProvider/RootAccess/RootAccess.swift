import SandstormCore

/// What sandboxes in which code may be root need of the gateway beyond what others do.
///
/// Such a sandbox has 65,536 ids of the machine, of which the first is root inside, and a file system that is all its own: the disk is its root directory,
/// with the sandbox's ids as they are inside, so that a snapshot is anybody's. The machine's `/usr` lies beneath what the sandbox has changed of it.
enum RootAccess {
    /// How many ids a sandbox has.
    static let idCount: UInt32 = 65_536
    /// Inside.
    static let user = "user"

    /// Whom the sandbox's commands and files are for unless somebody else is named.
    static func user(_ named: String?) -> String { named ?? user }

    /// The user of the machine's id range that starts at `first`.
    static func owner(first: UInt32) -> SandboxUser { SandboxUser(id: first + SandboxUser.insideID, rootID: first) }
}

/// The file system of a sandbox in which code may be root.
struct OwnRoot: Hashable, Sendable {
    /// Where the disk is mounted.
    var disk: String
    /// An image's file system, to lie beneath the root directory.
    var image: String?
    /// Directories of the machine that lie beneath what the sandbox changes of them, with the names of the changes on the disk.
    var merged: [SystemTree.Merged] = []
    /// Files and directories of the machine, read-only.
    var bound: [String] = []
    /// A file of the machine to be the sandbox's `/etc/resolv.conf`.
    var resolver: String?
    /// The bound of `/dev/shm`; nil where the control group is one.
    var sharedMemory: UInt64?
}
