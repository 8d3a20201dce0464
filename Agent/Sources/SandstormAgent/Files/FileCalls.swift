import CLinux
import Glibc

/// What is done with files in a few system calls, and answered at once.
enum FileCalls {
    static func entry(_ request: AgentPathRequest, accounts: Accounts) throws(AgentFailure) -> AgentFileEntry {
        let path = try FilePath(request.path)
        try request.allow(.followsLinks)
        do throws(SystemError) {
            let follows = request.flags.contains(.followsLinks)
            let info = try stat(of: path.bytes, in: AT_FDCWD, flags: follows ? 0 : AT_SYMLINK_NOFOLLOW)
            let target = info.isLink ? try readLink(path.bytes, in: AT_FDCWD) : []
            return AgentFileEntry(path: path.bytes, info, linkTarget: target, accounts: accounts)
        } catch {
            throw path.failure(error)
        }
    }

    /// - Returns: whether it was made; else it was there.
    static func makeDirectory(_ request: AgentMakeDirectory) throws(AgentFailure) -> Bool {
        let path = try FilePath(request.path)
        // Also `/`, `.` and `..`, which can't be made.
        if FilePath.isDirectory(path.bytes) { return false }
        let (parent, name) = try path.split()
        do throws(SystemError) {
            try FilePath.createDirectories(parent)
            let directory = try Descriptor.open(parent, SANDSTORM_O_PATH | O_DIRECTORY)
            let mode = mode_t(request.mode & 0o7777)
            let code = name.withCString { mkdirat(directory.number, $0, mode) == 0 ? 0 : errno }
            if code == EEXIST, FilePath.isDirectory(path.bytes) { return false }
            guard code == 0 else { throw SystemError(code, in: path.bytes.forPeople) }
            // mkdir has heeded the umask. What was made is opened as itself: it may have been replaced by now.
            let made = try Descriptor.open(name, at: directory.number, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK)
            guard fchmod(made.number, mode) == 0 else { throw .current(in: path.bytes.forPeople) }
            return true
        } catch {
            throw path.failure(error)
        }
    }

    /// The owner is set first, since that clears set-id bits.
    static func setAttributes(_ request: AgentSetAttributes, accounts: Accounts) throws(AgentFailure) {
        let path = try FilePath(request.path)
        let uid = try request.owner.map { (text) throws(AgentFailure) -> uid_t in
            guard let user = accounts.user(text) else { throw .unknownUser(text, accounts) }
            return user.uid
        }
        let gid = try request.group.map { (text) throws(AgentFailure) -> gid_t in
            guard let gid = accounts.group(text) else { throw .unknownGroup(text, accounts) }
            return gid
        }
        do throws(SystemError) {
            // One file for all three steps, whatever happens to its name meanwhile.
            let file = try Descriptor.open(path.bytes, SANDSTORM_O_PATH)
            if uid != nil || gid != nil {
                try check(fchownat(file.number, "", uid ?? .max, gid ?? .max, SANDSTORM_AT_EMPTY_PATH), path)
            }
            let own = Array("/proc/self/fd/\(file.number)".utf8)
            // Where there is no /proc, the name has to do.
            let name = access("/proc/self/fd", F_OK) == 0 ? own : path.bytes
            if let mode = request.mode {
                try check(name.withCString { chmod($0, mode_t(mode & 0o7777)) }, path)
            }
            if let modified = request.modified {
                let times = [
                    timespec(tv_sec: 0, tv_nsec: Int(SANDSTORM_UTIME_OMIT)),
                    timespec(tv_sec: Int(modified.seconds), tv_nsec: Int(min(modified.nanoseconds, 999_999_999))),
                ]
                try check(name.withCString { utimensat(AT_FDCWD, $0, times, 0) }, path)
            }
        } catch {
            throw path.failure(error)
        }
    }

    private static func check(_ result: Int32, _ path: FilePath) throws(SystemError) {
        guard result == 0 else { throw .current(in: path.bytes.forPeople) }
    }
}

extension AgentPathRequest {
    /// Refuses switches that have no meaning for this kind of request.
    func allow(_ allowed: Flags) throws(AgentFailure) {
        guard flags.isSubset(of: allowed) else {
            throw .invalid("a request has flags (\(flags.rawValue)) that agent \(SandstormAgent.version) doesn't know", errno: ENOSYS)
        }
    }
}

extension AgentFailure {
    static func unknownUser(_ text: [UInt8], _ accounts: Accounts) -> AgentFailure {
        let known = Self.list(accounts.users.map(\.name))
        return AgentFailure(errno: ENOENT, stage: .user, message: "there is no user \(Self.quote(text)) in the sandbox\(known)")
    }

    static func unknownGroup(_ text: [UInt8], _ accounts: Accounts) -> AgentFailure {
        let known = Self.list(accounts.groups.map(\.name))
        return AgentFailure(errno: ENOENT, stage: .user, message: "there is no group \(Self.quote(text)) in the sandbox\(known)")
    }

    private static func quote(_ text: [UInt8]) -> String { "“\(String(decoding: text.prefix(64), as: UTF8.self))”" }

    private static func list(_ names: [[UInt8]]) -> String {
        guard !names.isEmpty else { return "" }
        let shown = names.prefix(20).map { String(decoding: $0.prefix(64), as: UTF8.self) }.joined(separator: ", ")
        return "; there are: \(shown)\(names.count > 20 ? ", …" : "")"
    }
}
