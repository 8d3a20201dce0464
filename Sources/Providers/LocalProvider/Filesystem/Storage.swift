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

    /// Makes the places on a disk that was just formatted.
    static func populate(_ mountPoint: String, user: SandboxUser?) throws(SystemError) {
        for place in places {
            let path = "\(mountPoint)/\(place.name)"
            try HostFile.makeDirectories(path, mode: mode_t(place.mode))
            if let user, chown(path, user.id, user.id) != 0 { throw .current(in: "chown \(path)") }
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
