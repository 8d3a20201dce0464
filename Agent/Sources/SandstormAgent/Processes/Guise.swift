import CLinux
import Glibc

/// As whom the agent handles files at this moment.
///
/// The kernel keeps a user for the file system apart from the others, made for servers that act for many: what is done with files is done with that
/// user's rights, and what is made belongs to it, while nobody gets rights over the agent. The agent has one thread, which changes before each piece
/// of work.
final class Guise {
    private var worn: Identity?
    private let groups: [gid_t]
    private let deathSignal: UInt

    init() {
        var own = [gid_t](repeating: 0, count: 1024)
        let count = getgroups(Int32(own.count), &own)
        groups = Array(own.prefix(Int(max(0, count))))
        var signal: Int32 = 0
        deathSignal =
            withUnsafeMutablePointer(to: &signal) { sandstorm_prctl(PR_GET_PDEATHSIG, UInt(bitPattern: $0)) } == 0 ? UInt(signal) : 0
    }

    /// Becomes somebody; nil for the agent itself.
    ///
    /// - Throws: if the kernel does not let us. The agent is itself then.
    func wear(_ identity: Identity?) throws(SystemError) {
        let identity = identity?.isOwn == true ? nil : identity
        guard identity != worn else { return }
        defer { restore() }
        do throws(SystemError) {
            try change(identity)
            worn = identity
        } catch {
            worn = nil
            // What was given up can be had back.
            try? change(nil)
            throw error
        }
    }

    private func change(_ identity: Identity?) throws(SystemError) {
        let (uid, gid, groups) = identity.map { ($0.uid, $0.gid, $0.groups) } ?? (geteuid(), getegid(), groups)
        guard sandstorm_act_as(uid, gid, groups, groups.count) == 0 else { throw .current(in: "act as the user") }
    }

    /// What the kernel takes away from whoever changes: its protection from being traced, which it might lack then, and its parent's last signal.
    private func restore() {
        _ = sandstorm_prctl(PR_SET_DUMPABLE, 0)
        if deathSignal != 0 { _ = sandstorm_prctl(PR_SET_PDEATHSIG, deathSignal) }
    }
}
