#if os(Linux)
import Glibc
import SandstormCore

/// Hands out uids, one to each sandbox, across all processes that use the same state directory.
///
/// A slot is a file that exists while its sandbox does; making it exclusively is the lock.
struct UserSlots: Sendable {
    /// Two ids for each slot: see ``SandboxUser``.
    private static let width: UInt32 = 2

    let directory: String
    let range: Range<UInt32>

    private var count: UInt32 { UInt32(range.count) / Self.width }

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
            let first = range.lowerBound + slot * Self.width
            return (SandboxUser(id: first, rootID: first + 1), file)
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
