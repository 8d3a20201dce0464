#if os(Linux)
import Glibc
import SandstormCore

/// The root directory of a sandbox in which code may be root, as it is at first: the usual directories, an `/etc` of its own, and the machine's `/usr`.
///
/// What is not here is the machine's and lies beneath; see ``merged``.
struct SystemTree: Sendable {
    /// A directory of the machine, and the name of its changes on the disk.
    struct Merged: Hashable, Sendable {
        var path: String
        var name: String
    }

    /// Beyond what other sandboxes see: what programs that root uses look for.
    private static let shared = [
        "adduser.conf", "bash.bashrc", "debconf.conf", "debian_version", "deluser.conf", "dpkg", "host.conf", "inputrc", "issue",
        "locale.alias", "login.defs", "magic", "magic.mime", "networks", "pam.conf", "pam.d", "profile", "profile.d", "redhat-release",
        "rpc",
        "security", "skel", "terminfo", "timezone", "ucf.conf", "vim", "xattr.conf",
    ]
    /// And what only makes sense with a network.
    private static let sharedWithNetwork = ["apt", "dnf", "wgetrc", "yum.repos.d"]
    /// May hold passwords, whatever its permissions.
    private static let withheld: Set<String> = ["apt/auth.conf", "apt/auth.conf.d"]
    private static let largestFile: off_t = 8 << 20
    private static let deepest = 16

    private struct Place {
        var path: String
        var mode: mode_t = 0o755
        var owner: uid_t = 0
    }

    /// Mount points and the places that programs expect, those above first.
    private static let places = [
        Place(path: "dev"), Place(path: "etc"), Place(path: "home"), Place(path: "home/user", owner: SandboxUser.insideID),
        Place(path: "media"), Place(path: "mnt"), Place(path: "opt"), Place(path: "proc"), Place(path: "root", mode: 0o700),
        Place(path: "run"), Place(path: "run/lock", mode: 0o1777), Place(path: "srv"), Place(path: "sys"),
        Place(path: "tmp", mode: 0o1777), Place(path: "usr"), Place(path: "var"), Place(path: "var/backups"), Place(path: "var/cache"),
        Place(path: "var/cache/apt/archives/partial"), Place(path: "var/cache/debconf"), Place(path: "var/lib"),
        Place(path: "var/lib/apt/lists/partial"), Place(path: "var/lib/dpkg"), Place(path: "var/local"), Place(path: "var/log/apt"),
        Place(path: "var/mail"), Place(path: "var/opt"), Place(path: "var/spool"), Place(path: "var/tmp", mode: 0o1777),
        Place(path: "workspace", owner: SandboxUser.insideID),
    ]
    private static let links = [
        ("var/lock", "/run/lock"), ("var/run", "/run"), ("etc/mtab", "../proc/self/mounts"), ("etc/os-release", "../usr/lib/os-release"),
    ]

    /// The machine's directories that root inside may change for itself.
    let merged: [Merged]
    /// Links at the top, such as `/bin`.
    private let topLinks: [(name: String, target: String)]
    /// With a network or without.
    private let shared: [Bool: [String]]
    private let files: [(name: String, content: String, mode: mode_t)]

    /// - Parameter system: what other sandboxes see of the machine.
    init(_ system: SystemFiles) {
        var (merged, links): ([String], [(String, String)]) = (["/usr"], [])
        for entry in system.topLevel {
            switch entry {
            case .symbolicLink(let target, let path): links.append((String(path.dropFirst()), target))
            case .bind(_, let path, _): merged.append(path)
            default: break
            }
        }
        // Without it there are no packages to add to.
        if HostFile.isDirectory("/var/lib/dpkg") { merged.append("/var/lib/dpkg") }
        self.merged = merged.map { Merged(path: $0, name: $0.dropFirst().split(separator: "/").joined(separator: "-")) }
        topLinks = links
        let without = system.sharedNames(.none) + Self.shared
        shared = [false: without, true: Array(Set(without + system.sharedNames(.translated) + Self.sharedWithNetwork)).sorted()]
        files = Self.makeFiles()
    }

    /// What a new disk starts as.
    func content(hasNetwork: Bool) -> DiskContent {
        let names = (shared[hasNetwork] ?? []).filter { HostFile.exists("/etc/\($0)") }
        let description = "\(Self.places) \(Self.links) \(merged) \(topLinks) \(files) \(names.map(Self.stamp))"
        return DiskContent(name: description) { (directory) throws(SystemError) in try write(to: directory, names) }
    }

    /// What a new disk starts as whose root directory lies over an image.
    static let imageContent = DiskContent(name: "over an image") { (directory) throws(SystemError) in
        for name in ["root", "work"] { try HostFile.makeDirectories("\(directory)/\(name)") }
    }

    /// Tells one state of what is copied from another, as far as its top shows.
    private static func stamp(_ name: String) -> String {
        var info = stat()
        guard stat("/etc/\(name)", &info) == 0 else { return name }
        return "\(name) \(info.st_size) \(info.st_mtim.tv_sec)"
    }

    // MARK: Writing

    private func write(to directory: String, _ names: [String]) throws(SystemError) {
        let root = "\(directory)/root"
        try HostFile.makeDirectories(root)
        for place in Self.places {
            let path = "\(root)/\(place.path)"
            try HostFile.makeDirectories(path, mode: place.mode)
            guard place.owner == 0 || chown(path, place.owner, place.owner) == 0 else { throw .current(in: "chown \(path)") }
        }
        for (name, target) in Self.links.map({ ($0.0, $0.1) }) + topLinks {
            guard symlink(target, "\(root)/\(name)") == 0 else { throw .current(in: "symlink \(name)") }
        }
        for entry in merged {
            try HostFile.makeDirectories("\(root)\(entry.path)")
            for part in ["upper", "work"] { try HostFile.makeDirectories("\(directory)/over/\(entry.name)/\(part)") }
        }
        for file in files {
            let path = "\(root)/etc/\(file.name)"
            try HostFile.makeDirectories(HostFile.parent(of: path))
            try HostFile.create(path, Array(file.content.utf8), mode: file.mode)
        }
        for name in names where !HostFile.exists("\(root)/etc/\(name)") {
            try HostFile.makeDirectories(HostFile.parent(of: "\(root)/etc/\(name)"))
            try Self.copy(name, to: "\(root)/etc", depth: 0)
        }
    }

    /// Copies what everybody may read.
    private static func copy(_ name: String, to etc: String, depth: Int) throws(SystemError) {
        let (source, target) = ("/etc/\(name)", "\(etc)/\(name)")
        var info = stat()
        guard depth < deepest, !withheld.contains(name), lstat(source, &info) == 0 else { return }
        switch info.st_mode & S_IFMT {
        case S_IFLNK:
            guard let link = HostFile.target(of: source), symlink(link, target) == 0 || errno == EEXIST else {
                throw .current(in: "symlink \(name)")
            }
        case S_IFDIR where info.st_mode & 0o005 == 0o005:
            try HostFile.makeDirectories(target, mode: info.st_mode & 0o777)
            for entry in HostFile.names(in: source).sorted() { try copy("\(name)/\(entry)", to: etc, depth: depth + 1) }
        case S_IFREG where info.st_mode & 0o004 != 0 && info.st_size <= largestFile:
            // It may be gone, or be another by now: then it is not there.
            guard let bytes = HostFile.read(source, upTo: Int(largestFile)) else { return }
            try HostFile.create(target, bytes, mode: info.st_mode & 0o777)
        default: break
        }
    }

    // MARK: Files

    /// Debian's usual accounts, for a machine that has others.
    private static let usualAccounts: [(name: String, uid: UInt32, gid: UInt32, home: String)] = [
        ("daemon", 1, 1, "/usr/sbin"), ("bin", 2, 2, "/bin"), ("sys", 3, 3, "/dev"), ("sync", 4, 65_534, "/bin"),
        ("games", 5, 60, "/usr/games"), ("man", 6, 12, "/var/cache/man"), ("lp", 7, 7, "/var/spool/lpd"), ("mail", 8, 8, "/var/mail"),
        ("news", 9, 9, "/var/spool/news"), ("uucp", 10, 10, "/var/spool/uucp"), ("proxy", 13, 13, "/bin"),
        ("www-data", 33, 33, "/var/www"), ("backup", 34, 34, "/var/backups"), ("list", 38, 38, "/var/list"), ("irc", 39, 39, "/run/ircd"),
        ("_apt", 42, 65_534, "/nonexistent"), ("nobody", 65_534, 65_534, "/nonexistent"),
    ]
    private static let usualGroups: [(name: String, gid: UInt32)] = [
        ("daemon", 1), ("bin", 2), ("sys", 3), ("adm", 4), ("tty", 5), ("disk", 6), ("lp", 7), ("mail", 8), ("news", 9),
        ("uucp", 10), ("man", 12), ("proxy", 13), ("kmem", 15), ("dialout", 20), ("fax", 21), ("voice", 22), ("cdrom", 24),
        ("floppy", 25), ("tape", 26), ("sudo", 27), ("audio", 29), ("dip", 30), ("www-data", 33), ("backup", 34), ("operator", 37),
        ("list", 38), ("irc", 39), ("src", 40), ("shadow", 42), ("utmp", 43), ("video", 44), ("sasl", 45), ("plugdev", 46), ("staff", 50),
        ("games", 60), ("users", 100), ("nogroup", 65_534),
    ]

    /// Accounts of the system's, not of people: the packages that are there reckon with the machine's own.
    private static func isSystem(_ id: UInt32) -> Bool { (1..<1000).contains(id) || id == 65_534 }

    private static func lines(of path: String) -> [[Substring]] {
        (HostFile.text(path) ?? "").split(separator: "\n").map { $0.split(separator: ":", omittingEmptySubsequences: false) }
    }

    /// Name, uid, gid, comment, home and shell of all but root and the usual user.
    private static func accounts() -> [[String]] {
        var accounts = lines(of: "/etc/passwd").compactMap { fields -> [String]? in
            guard fields.count >= 7, let uid = UInt32(fields[2]), let gid = UInt32(fields[3]), isSystem(uid), isSystem(gid) || gid == 0
            else { return nil }
            return [0, 2, 3, 4, 5, 6].map { String(fields[$0]) }
        }
        var (names, ids) = (Set(accounts.map { $0[0] }), Set(accounts.map { $0[1] }))
        for account in usualAccounts where names.insert(account.name).inserted && ids.insert("\(account.uid)").inserted {
            accounts.append([account.name, "\(account.uid)", "\(account.gid)", account.name, account.home, "/usr/sbin/nologin"])
        }
        return accounts
    }

    private static func groups() -> [(name: String, gid: UInt32)] {
        var groups = lines(of: "/etc/group").compactMap { fields -> (name: String, gid: UInt32)? in
            guard fields.count >= 4, let gid = UInt32(fields[2]), isSystem(gid) else { return nil }
            return (String(fields[0]), gid)
        }
        var (names, ids) = (Set(groups.map(\.name)), Set(groups.map(\.gid)))
        for group in usualGroups where names.insert(group.name).inserted && ids.insert(group.gid).inserted { groups.append(group) }
        return [("root", 0)] + groups + [("user", SandboxUser.insideID)]
    }

    private static func makeFiles() -> [(name: String, content: String, mode: mode_t)] {
        let shell = HostFile.exists("/bin/bash") ? "/bin/bash" : "/bin/sh"
        let (accounts, groups) = (accounts(), groups())
        let passwd =
            ["root:x:0:0:root:/root:\(shell)"]
            + accounts.map { "\($0[0]):x:\($0[1]):\($0[2]):\($0[3]):\($0[4]):\($0[5])" }
            + ["user:x:1000:1000:user:\(RootFilesystem.home):\(shell)"]
        // Nobody has a password: only set-uid programs that ask for none lead to root.
        let shadow = (["root"] + accounts.map { $0[0] } + ["user"]).map { "\($0):*:19700:0:99999:7:::" }
        func lines(_ lines: [String]) -> String { lines.joined(separator: "\n") + "\n" }
        var files: [(name: String, content: String, mode: mode_t)] =
            SystemFiles.files.filter { !["passwd", "group"].contains($0.name) }.map { ($0.name, $0.content, 0o644) }
        files += [
            ("passwd", lines(passwd), 0o644), ("group", lines(groups.map { "\($0.name):x:\($0.gid):" }), 0o644),
            ("shadow", lines(shadow), 0o600), ("gshadow", lines(groups.map { "\($0.name):*::" }), 0o600),
            ("sudoers.d/user", "user ALL=(ALL:ALL) NOPASSWD: ALL\n", 0o440), ("fstab", "", 0o644), ("environment", "", 0o644),
        ]
        // Where it is installed inside, it brings its own.
        guard LauncherSurvey.path(of: "sudo") != nil else { return files }
        let sudoers = """
            Defaults env_reset
            Defaults secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
            root ALL=(ALL:ALL) ALL
            @includedir /etc/sudoers.d

            """
        return files + [("sudoers", sudoers, 0o440)]
    }
}
#endif
