import CLinux
import Glibc

/// The users and groups that the sandbox knows, from its `/etc/passwd` and `/etc/group`.
///
/// Read by the agent itself: it is static, and the C library's own functions would load modules that no sandbox need have.
struct Accounts {
    struct User {
        let name: [UInt8]
        let uid: uid_t
        let gid: gid_t
        let home: [UInt8]
    }

    struct Group {
        let name: [UInt8]
        let gid: gid_t
        let members: [[UInt8]]
    }

    private(set) var users: [User] = []
    private(set) var groups: [Group] = []
    private var userNames: [uid_t: [UInt8]] = [:]
    private var groupNames: [gid_t: [UInt8]] = [:]

    /// Lines that make no sense are skipped: the files are the sandbox's, not ours.
    init(passwd: [UInt8], group: [UInt8]) {
        for fields in Self.lines(passwd) where fields.count >= 6 {
            guard let uid = Self.number(fields[2]), let gid = Self.number(fields[3]), !fields[0].isEmpty else { continue }
            users.append(User(name: fields[0], uid: uid, gid: gid, home: fields[5]))
            if userNames[uid] == nil { userNames[uid] = fields[0] }
        }
        for fields in Self.lines(group) where fields.count >= 4 {
            guard let gid = Self.number(fields[2]), !fields[0].isEmpty else { continue }
            let members = fields[3].split(separator: UInt8(ascii: ",")).map { Array($0) }
            groups.append(Group(name: fields[0], gid: gid, members: members))
            if groupNames[gid] == nil { groupNames[gid] = fields[0] }
        }
    }

    /// The user's name; empty if it has none.
    func name(ofUser uid: uid_t) -> [UInt8] { userNames[uid] ?? [] }

    /// The group's name; empty if it has none.
    func name(ofGroup gid: gid_t) -> [UInt8] { groupNames[gid] ?? [] }

    /// The user of this name, or of this number if no user is called so. A number needs no entry.
    func user(_ text: [UInt8]) -> User? {
        if let user = users.first(where: { $0.name == text }) { return user }
        guard let uid = Self.number(text) else { return nil }
        // Without an entry, a group of the same number is what most systems would have given it. It must not be root's.
        return users.first { $0.uid == uid } ?? User(name: [], uid: uid, gid: uid, home: [])
    }

    /// The number of the group of this name or number.
    func group(_ text: [UInt8]) -> gid_t? {
        groups.first { $0.name == text }?.gid ?? Self.number(text)
    }

    /// All groups of a user whose main group is `gid`: what initgroups(3) would set.
    func groups(of user: User, main gid: gid_t) -> [gid_t] {
        var all = [gid]
        // So many are allowed by every kernel since 2.6.4; a user with more is none that we have heard of.
        for group in groups where !user.name.isEmpty && group.members.contains(user.name) && !all.contains(group.gid) && all.count < 1024 {
            all.append(group.gid)
        }
        return all
    }

    private static func lines(_ file: [UInt8]) -> [[[UInt8]]] {
        file.split(separator: UInt8(ascii: "\n")).map { line in
            line.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false).map { Array($0) }
        }
    }

    /// A user's or group's number. The last one stands for "leave it as it is" in system calls, and is nobody's.
    private static func number(_ text: [UInt8]) -> UInt32? {
        guard !text.isEmpty, text.count <= 10, text.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
        let value = text.reduce(UInt64(0)) { $0 * 10 + UInt64($1 - UInt8(ascii: "0")) }
        return value < UInt64(UInt32.max) ? UInt32(value) : nil
    }
}

/// The accounts as they are now, read again when one of the files has changed.
final class AccountBook {
    /// What tells one state of a file from another.
    private struct Stamp: Equatable {
        var inode: ino_t = 0
        var size: off_t = 0
        var seconds = 0
        var nanoseconds = 0

        init(_ path: [UInt8]) {
            guard let info = try? stat(of: path, in: AT_FDCWD, flags: 0) else { return }
            inode = info.st_ino
            size = info.st_size
            seconds = info.st_mtim.tv_sec
            nanoseconds = info.st_mtim.tv_nsec
        }
    }

    private static let passwd = Array("/etc/passwd".utf8)
    private static let group = Array("/etc/group".utf8)
    private static let largestFile = 1024 * 1024

    private var accounts = Accounts(passwd: [], group: [])
    private var stamps: [Stamp] = []

    func current() -> Accounts {
        let stamps = [Stamp(Self.passwd), Stamp(Self.group)]
        if stamps != self.stamps {
            accounts = Accounts(passwd: Self.read(Self.passwd), group: Self.read(Self.group))
            self.stamps = stamps
        }
        return accounts
    }

    /// A file that is missing is empty, and so is one that is no file or that nobody can have written by hand.
    private static func read(_ path: [UInt8]) -> [UInt8] {
        guard let file = try? Descriptor.open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY) else { return [] }
        var info = stat()
        guard fstat(file.number, &info) == 0, info.st_mode & S_IFMT == S_IFREG, info.st_size <= largestFile else { return [] }
        var text: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 * 1024)
        while text.count <= largestFile, case .count(let count) = chunk.withUnsafeMutableBytes({ file.read(into: $0) }), count > 0 {
            text.append(contentsOf: chunk[..<count])
        }
        return text
    }
}
