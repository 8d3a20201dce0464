import CLinux
import Glibc

/// Whom a process is to run as.
struct Identity: Equatable {
    let uid: uid_t
    let gid: gid_t
    let groups: [gid_t]
    /// As the request has it, for messages.
    let text: String
    private let name: [UInt8]
    private let home: [UInt8]

    /// Reads `name`, `number`, or either with `:group`.
    init(_ text: [UInt8], accounts: Accounts) throws(AgentFailure) {
        guard text.isCString, !text.isEmpty else { throw .invalid("the user is empty or has a NUL byte") }
        let parts = text.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false).map { Array($0) }
        guard let user = accounts.user(parts[0]) else { throw .unknownUser(parts[0], accounts) }
        var gid = user.gid
        if parts.count == 2 {
            guard let group = accounts.group(parts[1]) else { throw .unknownGroup(parts[1], accounts) }
            gid = group
        }
        self.text = text.forPeople
        uid = user.uid
        self.gid = gid
        groups = accounts.groups(of: user, main: gid)
        name = user.name.isEmpty ? Array(String(user.uid).utf8) : user.name
        home = user.home.isEmpty ? [UInt8(ascii: "/")] : user.home
    }

    /// Whether the agent is that already, so that nothing has to be become.
    var isOwn: Bool { uid == geteuid() && gid == getegid() }

    /// The environment with what a login would set, unless it is set.
    func environment(_ environment: [[UInt8]]) -> [[UInt8]] {
        var all = environment
        for (key, value) in [("HOME", home), ("USER", name), ("LOGNAME", name)] {
            let prefix = Array("\(key)=".utf8)
            if !environment.contains(where: { $0.starts(with: prefix) }), value.isCString { all.append(prefix + value) }
        }
        return all
    }

    /// Says that the kernel did not let us.
    func refusal(_ code: Int32, accounts: Accounts) -> AgentFailure {
        let own = accounts.name(ofUser: geteuid())
        let allowed = own.isEmpty ? "\(geteuid())" : "\(own.forPeople) (\(geteuid()))"
        let message = "the agent may not act as user “\(text)”: \(SystemError.text(of: code)); allowed here is only \(allowed)"
        return AgentFailure(errno: code, stage: .user, message: message)
    }
}
