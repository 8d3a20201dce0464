#if os(Linux)
import Glibc
import SandstormCore

/// Hands out uids, a range of them to each sandbox, across all processes that use the same state directory.
///
/// A slot is a file that exists while its sandbox does; making it exclusively is the lock.
struct UserSlots: Sendable {
    let directory: String
    let range: Range<UInt32>
    /// How many ids a slot has.
    let width: UInt32
    /// The user of a slot that starts at an id.
    private let user: @Sendable (UInt32) -> SandboxUser

    private var count: UInt32 { UInt32(range.count) / width }

    /// Of two ids each: see ``SandboxUser``.
    init(directory: String, range: Range<UInt32>) {
        (self.directory, self.range, width) = (directory, range, 2)
        user = { SandboxUser(id: $0, rootID: $0 + 1) }
    }

    /// Of ``RootAccess/idCount`` ids each.
    init(forRootIn directory: String, range: Range<UInt32>) {
        (self.directory, self.range, width) = (directory, range, RootAccess.idCount)
        user = RootAccess.owner
    }

    func take(for id: String) throws(ProviderError) -> (user: SandboxUser, file: String) {
        // From anywhere in the range: gateways with other state directories take from it too, and a uid rests before it is used again.
        let start = UInt32.random(in: 0..<max(1, count))
        for offset in 0..<count {
            let slot = (start + offset) % count
            let file = "\(directory)/\(slot)"
            do throws(SystemError) {
                try HostFile.create(file, Array(id.utf8), mode: 0o600)
            } catch {
                guard error.code == EEXIST else { throw error.providerError("no user id can be reserved") }
                continue
            }
            return (user(range.lowerBound + slot * width), file)
        }
        throw ProviderError(.noCapacity, "all \(count) user ids are taken by other sandboxes")
    }

    /// Frees the slots of sandboxes that are gone.
    func sweep(sandboxExists: (String) -> Bool) {
        for name in HostFile.names(in: directory) {
            let file = "\(directory)/\(name)"
            // An empty one is being written.
            guard let id = HostFile.text(file), !id.isEmpty, !sandboxExists(id) else { continue }
            unlink(file)
        }
    }
}
#endif
