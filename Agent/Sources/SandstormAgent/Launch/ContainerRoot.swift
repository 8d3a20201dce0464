import CLinux
import Glibc

/// The file system of a sandbox in which code may be root: all of it is prepared out of sight, then becomes the root directory.
///
/// Ids on the disk are those of the inside: every mount of it, and of what is merged with it, has the sandbox's ID mapping. What is not mapped, the
/// machine's own files and devices, belongs to nobody inside, so that root has no rights over it.
struct ContainerRoot {
    private let options: ContainerOptions
    private let devices: MountTree
    private let processes: MountTree
    /// The same once more, without what is mounted on it.
    private let settings: MountTree
    private let root: MountTree
    private var merged: [(path: String, tree: MountTree)] = []
    private var bound: [(path: String, tree: MountTree, isDirectory: Bool)] = []
    private let resolver: [UInt8]?

    private static let deviceNames = ["null", "zero", "full", "random", "urandom", "tty"]
    private static let noPrivileges = SANDSTORM_MOUNT_ATTR_NOSUID | SANDSTORM_MOUNT_ATTR_NODEV
    /// Of `/proc`, what concerns the machine.
    private static let readOnly = ["sys", "sysrq-trigger", "irq", "bus", "fs"]
    private static let longestResolver = 64 * 1024

    /// Prepares it. In a mount namespace of its own, and in the pid namespace that `/proc` is to show.
    init(_ options: ContainerOptions, _ namespace: Descriptor) throws(SystemError) {
        self.options = options
        resolver = try options.resolver.map { (path) throws(SystemError) in try Self.read(path) }
        let disk = try MountTree(copying: options.disk)
        try disk.map(namespace, set: SANDSTORM_MOUNT_ATTR_NODEV, clear: SANDSTORM_MOUNT_ATTR_NOSUID)
        for (host, path) in options.bound {
            let tree = try MountTree(copying: host, recursively: true)
            try tree.set(SANDSTORM_MOUNT_ATTR_RDONLY | Self.noPrivileges, recursively: true)
            bound.append((path, tree, try stat(of: Array(host.utf8), in: AT_FDCWD, flags: 0).isDirectory))
        }
        let images = try (options.image.map { [$0] } ?? options.merged.map(\.host)).map { (host) throws(SystemError) in
            let tree = try MountTree(copying: host)
            try tree.map(
                namespace, set: SANDSTORM_MOUNT_ATTR_RDONLY | SANDSTORM_MOUNT_ATTR_NODEV, clear: SANDSTORM_MOUNT_ATTR_NOSUID)
            return tree
        }
        // A place for what has to be somewhere while it is put together: over the disk, which this namespace needs there no more.
        let stage = try MountTree("tmpfs", [("mode", "700"), ("size", "1m")], attributes: Self.noPrivileges)
        try stage.attach(at: options.disk)
        try Self.check(chdir(options.disk), "chdir \(options.disk)")
        for name in ["disk", "root", "dev"] + images.indices.map({ "lower\($0)" }) { try Self.check(mkdir(name, 0o700), "mkdir \(name)") }
        try disk.attach(at: "disk")
        for (index, image) in images.enumerated() { try image.attach(at: "lower\(index)") }
        if options.image != nil {
            root = try Self.merge(options, "lower0", with: "disk/root", work: "disk/work")
        } else {
            root = try MountTree(copying: "disk/root")
            for (index, entry) in options.merged.enumerated() {
                let over = "disk/over/\(entry.name)"
                merged.append((entry.path, try Self.merge(options, "lower\(index)", with: "\(over)/upper", work: "\(over)/work")))
            }
        }
        devices = try Self.makeDevices(options)
        processes = try MountTree("proc", [], attributes: Self.noPrivileges | SANDSTORM_MOUNT_ATTR_NOEXEC)
        settings = try MountTree("proc", [], attributes: Self.noPrivileges | SANDSTORM_MOUNT_ATTR_NOEXEC)
    }

    /// A directory of the machine with the changes on the disk over it.
    ///
    /// The file system does what it does as whoever has mounted it: that has to be somebody whom the mapping knows.
    private static func merge(
        _ options: ContainerOptions, _ lower: String, with upper: String, work: String
    ) throws(SystemError) -> MountTree {
        try check(sandstorm_borrow_user(options.firstID), "borrow the user")
        defer { _ = sandstorm_borrow_user(0) }
        return try MountTree(
            "overlay",
            [
                ("lowerdir", lower), ("upperdir", upper), ("workdir", work), ("redirect_dir", "on"), ("index", "off"), ("metacopy", "off"),
            ], attributes: SANDSTORM_MOUNT_ATTR_NODEV | SANDSTORM_MOUNT_ATTR_NOATIME)
    }

    private static func makeDevices(_ options: ContainerOptions) throws(SystemError) -> MountTree {
        // Its root directory belongs to the machine's root: nobody inside can change what is in it.
        let tree = try MountTree(
            "tmpfs", [("mode", "755"), ("size", "64k")], attributes: SANDSTORM_MOUNT_ATTR_NOSUID | SANDSTORM_MOUNT_ATTR_NOEXEC)
        try tree.attach(at: "dev")
        for name in deviceNames {
            _ = try Descriptor.open(Array("dev/\(name)".utf8), O_WRONLY | O_CREAT | O_EXCL, mode: 0o644)
            try MountTree(copying: "/dev/\(name)").attach(at: "dev/\(name)")
        }
        for name in ["pts", "shm"] { try check(mkdir("dev/\(name)", 0o755), "mkdir dev/\(name)") }
        let links = [
            ("ptmx", "pts/ptmx"), ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"),
            ("stderr", "/proc/self/fd/2"),
        ]
        for (name, target) in links { try check(symlink(target, "dev/\(name)"), "symlink dev/\(name)") }
        let terminals = options.firstID + 5
        try MountTree(
            "devpts", [("ptmxmode", "0666"), ("mode", "0620"), ("gid", "\(terminals)")],
            attributes: SANDSTORM_MOUNT_ATTR_NOSUID | SANDSTORM_MOUNT_ATTR_NOEXEC
        ).attach(at: "dev/pts")
        let size = options.sharedMemory.map { [("size", "\($0)")] } ?? []
        try MountTree(
            "tmpfs", [("mode", "1777"), ("uid", "\(options.firstID)"), ("gid", "\(options.firstID)")] + size, attributes: noPrivileges
        ).attach(at: "dev/shm")
        let all = try MountTree(copying: "dev", recursively: true)
        try all.set(SANDSTORM_MOUNT_ATTR_RDONLY)
        return all
    }

    /// Makes it the root directory. What was there before is out of reach from here on: every path leads somewhere inside.
    func enter() throws(SystemError) {
        try root.attach(at: "root")
        try Self.check(chdir("root"), "chdir")
        try Self.check(sandstorm_pivot_root_here(), "pivot_root")
        try Self.check(umount2(".", Int32(MNT_DETACH)), "umount of the old root")
        try Self.check(chdir("/"), "chdir /")
        // What is missing is made as the root of the inside, to whom the disk belongs.
        try Self.check(sandstorm_borrow_user(options.firstID), "borrow the user")
        for (path, tree) in merged { try attach(tree, at: path) }
        try attach(processes, at: "/proc")
        for name in Self.readOnly where access("/proc/\(name)", F_OK) == 0 {
            let tree = try MountTree(copying: "/proc/\(name)")
            try tree.set(SANDSTORM_MOUNT_ATTR_RDONLY)
            try tree.attach(at: "/proc/\(name)")
        }
        try attach(devices, at: "/dev")
        for (path, tree, isDirectory) in bound { try attach(tree, at: path, isDirectory: isDirectory) }
        try Self.check(sandstorm_borrow_user(0), "give the user back")
    }

    private func attach(_ tree: MountTree, at path: String, isDirectory: Bool = true) throws(SystemError) {
        let bytes = Array(path.utf8)
        if isDirectory {
            try FilePath.createDirectories(bytes)
        } else if (try? stat(of: bytes, in: AT_FDCWD, flags: 0)) == nil {
            let slash = bytes.lastIndex(of: UInt8(ascii: "/")) ?? 0
            try FilePath.createDirectories(slash == 0 ? [UInt8(ascii: "/")] : Array(bytes[..<slash]))
            _ = try Descriptor.open(bytes, O_WRONLY | O_CREAT | O_EXCL, mode: 0o644)
        }
        try tree.attach(at: path)
    }

    /// Opens a setting of the namespaces that this process is in.
    func openSetting(_ path: String) throws(SystemError) -> Descriptor {
        try Descriptor.open(Array("sys/\(path)".utf8), at: settings.descriptor.number, O_WRONLY)
    }

    // MARK: What is inside

    /// Sees to it that the usual user and its places are there, and that names are asked for where the network has a resolver. As root inside; what
    /// the code before has done to these files is its own affair.
    func furnish() {
        if let resolver { Self.replace("/etc/resolv.conf", resolver) }
        guard options.image != nil else { return }
        for (path, mode, owner) in [("/root", 0o700, 0), ("/tmp", 0o1777, 0), ("/workspace", 0o755, 1000), ("/home/user", 0o755, 1000)]
        where access(path, F_OK) != 0 {
            try? FilePath.createDirectories(Array(path.utf8))
            _ = chown(path, uid_t(owner), gid_t(owner))
            _ = chmod(path, mode_t(mode))
        }
        Self.add("user:x:1000:1000:user:/home/user:/bin/sh", to: "/etc/passwd")
        Self.add("user:x:1000:", to: "/etc/group")
    }

    private static func replace(_ path: String, _ content: [UInt8]) {
        unlink(path)
        let file = try? Descriptor.open(Array(path.utf8), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o644)
        try? file?.writeAll(content[...])
    }

    /// Adds a line unless one begins with the same name.
    private static func add(_ line: String, to path: String) {
        guard let text = try? read(path) else { return replace(path, Array("\(line)\n".utf8)) }
        let name = Array(line.prefix { $0 != ":" }.utf8) + [UInt8(ascii: ":")]
        guard !text.split(separator: UInt8(ascii: "\n")).contains(where: { $0.starts(with: name) }) else { return }
        let file = try? Descriptor.open(Array(path.utf8), O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK)
        let separator = text.last == UInt8(ascii: "\n") || text.isEmpty ? [] : [UInt8(ascii: "\n")]
        try? file?.writeAll((separator + Array("\(line)\n".utf8))[...])
    }

    private static func read(_ path: String) throws(SystemError) -> [UInt8] {
        let file = try Descriptor.open(Array(path.utf8), O_RDONLY | O_NONBLOCK)
        var text: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 * 1024)
        while text.count <= longestResolver {
            switch chunk.withUnsafeMutableBytes({ file.read(into: $0) }) {
            case .count(0): return text
            case .count(let count): text += chunk[..<count]
            case .wouldBlock: throw SystemError(EAGAIN, in: path)
            case .failed(let code): throw SystemError(code, in: path)
            }
        }
        throw SystemError(EFBIG, in: path)
    }

    private static func check(_ result: Int32, _ step: String) throws(SystemError) {
        guard result == 0 else { throw .current(in: step) }
    }
}
