import CLinux
import Glibc

/// A mount that is nowhere yet, or a tree of them.
struct MountTree {
    let descriptor: Descriptor

    /// A copy of what is mounted or found at a path.
    init(copying path: String, recursively: Bool = false) throws(SystemError) {
        let flags = UInt32(SANDSTORM_OPEN_TREE_CLONE) | UInt32(O_CLOEXEC) | (recursively ? UInt32(SANDSTORM_AT_RECURSIVE) : 0)
        descriptor = try Self.own(sandstorm_open_tree(AT_FDCWD, path, flags), "open_tree \(path)")
    }

    /// A new file system.
    init(_ type: String, _ options: [(String, String)], attributes: UInt64) throws(SystemError) {
        let context = try Self.own(sandstorm_fsopen(type), "fsopen \(type)")
        for (key, value) in options {
            guard sandstorm_fsconfig_string(context.number, key, value) == 0 else { throw .current(in: "\(type): \(key)=\(value)") }
        }
        guard sandstorm_fsconfig_create(context.number) == 0 else { throw .current(in: "make \(type)") }
        descriptor = try Self.own(sandstorm_fsmount(context.number, attributes), "mount \(type)")
    }

    private static func own(_ number: Int32, _ step: String) throws(SystemError) -> Descriptor {
        guard number >= 0 else { throw .current(in: step) }
        return Descriptor(owning: number)
    }

    /// Shows what belongs to the namespace's users on the disk as theirs.
    func map(_ namespace: Descriptor, set: UInt64 = 0, clear: UInt64 = 0) throws(SystemError) {
        let result = sandstorm_mount_setattr(descriptor.number, 0, set | SANDSTORM_MOUNT_ATTR_IDMAP, clear, namespace.number)
        guard result == 0 else { throw .current(in: "mount_setattr: ID mapping") }
    }

    func set(_ attributes: UInt64, recursively: Bool = false) throws(SystemError) {
        let flags = recursively ? UInt32(SANDSTORM_AT_RECURSIVE) : 0
        guard sandstorm_mount_setattr(descriptor.number, flags, attributes, 0, -1) == 0 else { throw .current(in: "mount_setattr") }
    }

    /// Mounts it. A symbolic link in the place of the path's last component is not followed.
    func attach(at path: String) throws(SystemError) {
        guard sandstorm_move_mount(descriptor.number, AT_FDCWD, path) == 0 else { throw .current(in: "move_mount \(path)") }
    }
}
