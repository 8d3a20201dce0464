#if os(Linux)
import Glibc
import SandstormCore

/// Where a sandbox's writable files are.
enum Storage: Sendable {
    /// In a mounted disk image, which has a directory for each place.
    case disk(mountPoint: String)
    /// In memory, which counts against the sandbox's memory.
    case memory(bytes: UInt64)

    /// The places, with the name of each on the disk.
    static let places: [(name: String, path: String, mode: UInt16)] = [
        ("workspace", SandboxSpec.workspace, 0o755), ("home", RootFilesystem.home, 0o755), ("tmp", "/tmp", 0o1777),
    ]

    /// Gives the places of an empty disk to its user.
    static func settle(_ mountPoint: String, user: SandboxUser) throws(SystemError) {
        for place in places {
            let path = "\(mountPoint)/\(place.name)"
            guard chown(path, user.id, user.id) == 0 else { throw .current(in: "chown \(path)") }
        }
    }

    /// Makes the files of another sandbox's user this one's: at once by the mount, or one by one where the kernel can't do that.
    ///
    /// - Returns: whose the files are on the disk from now on.
    static func hand(_ mountPoint: String, of owner: UInt32, to user: SandboxUser) throws(SystemError) -> UInt32 {
        if owner == user.id { return owner }
        do throws(SystemError) {
            try MappedMount.remount(mountPoint, showing: owner, as: user.id)
            return owner
        } catch {
            try HostFile.changeOwner(mountPoint, from: owner, to: user.id)
            return user.id
        }
    }

    var entries: [RootFilesystem.Entry] {
        Storage.places.map { place in
            switch self {
            case .disk(let mountPoint): .bind("\(mountPoint)/\(place.name)", at: place.path, writable: true)
            case .memory(let bytes): .temporary(at: place.path, mode: place.mode, bytes: bytes)
            }
        }
    }
}

extension Host {
    /// A sandbox's whole file system over its read-only part.
    func rootFilesystem(base: [RootFilesystem.Entry], storage: Storage, hasMemoryGroup: Bool) -> RootFilesystem {
        var root = RootFilesystem()
        root.entries = base + [.processes(at: "/proc"), .devices(at: "/dev")]
        // Counted where there is a group to count; else small.
        root.entries.append(.temporary(at: "/dev/shm", mode: 0o1777, bytes: hasMemoryGroup ? nil : 64 << 20))
        root.entries += storage.entries
        root.bind(agent, at: RootFilesystem.agent)
        return root
    }
}
#endif
