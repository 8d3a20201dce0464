#if os(Linux)
import Glibc

/// A mount that shows the files of one user as another's, on kernels that can (ext4: since 5.12).
enum MappedMount {
    private static let emptyPath: UInt32 = 0x1000
    private static let cloneTree: UInt32 = 1
    private static let moveFromEmptyPath: UInt32 = 4
    private static let mapIDs: UInt64 = 0x0010_0000

    /// Replaces the mount at `point`, which nobody uses yet, by one in which the files of `owner` are those of `user`.
    static func remount(_ point: String, showing owner: UInt32, as user: UInt32) throws(SystemError) {
        guard let openTree = LibraryCall.openTree, let moveMount = LibraryCall.moveMount,
            let setAttributes = LibraryCall.setMountAttributes
        else { throw SystemError(ENOSYS, in: "mount_setattr") }
        let namespace = try userNamespace(mapping: owner, to: user)
        let tree = openTree(AT_FDCWD, point, cloneTree | UInt32(O_CLOEXEC))
        guard tree >= 0 else { throw .current(in: "open_tree") }
        let mount = Descriptor(owning: tree)
        // `struct mount_attr`: what to set, what to clear, propagation, the namespace's descriptor.
        var attributes: [UInt64] = [mapIDs, 0, 0, UInt64(namespace.number)]
        guard setAttributes(mount.number, "", emptyPath, &attributes, attributes.count * 8) == 0 else {
            throw .current(in: "mount_setattr")
        }
        guard umount2(point, Int32(MNT_DETACH)) == 0 else { throw .current(in: "umount \(point)") }
        guard moveMount(mount.number, "", AT_FDCWD, point, moveFromEmptyPath) == 0 else { throw .current(in: "move_mount") }
    }

    /// A user namespace as the description of a mapping: a process that has one, made for that, ends at once.
    private static func userNamespace(mapping inner: UInt32, to outer: UInt32) throws(SystemError) -> Descriptor {
        let (ours, theirs) = try Descriptor.socketPair()
        let child = try ChildProcess.spawn(
            ["/usr/bin/unshare", "--user", "/bin/cat"], ChildProcess.Descriptors(input: theirs, output: theirs))
        defer {
            child.kill()
            _ = child.reap(within: .seconds(1))
        }
        // `cat` answers from inside of the namespace.
        guard send(ours.number, "x", 1, Int32(MSG_NOSIGNAL)) == 1 else { throw .current(in: "unshare") }
        var waiting = pollfd(fd: ours.number, events: Int16(POLLIN), revents: 0)
        guard poll(&waiting, 1, 5000) == 1, ours.readAvailable(limit: 1).count == 1 else {
            throw SystemError(EIO, in: "unshare --user")
        }
        for file in ["uid_map", "gid_map"] { try HostFile.write("\(inner) \(outer) 1", to: "/proc/\(child.pid)/\(file)") }
        return try Descriptor.open("/proc/\(child.pid)/ns/user", O_RDONLY)
    }
}
#endif
