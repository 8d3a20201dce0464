import CLinux
import Glibc

extension [UInt8] {
    /// The bytes as text for a message; cut, so that a message is never too long for its frame.
    var forPeople: String { String(decoding: prefix(1024), as: UTF8.self) }
}

/// A path that a request names.
struct FilePath {
    let bytes: [UInt8]

    init(_ bytes: [UInt8]) throws(AgentFailure) {
        guard !bytes.isEmpty else { throw .invalid("the path is empty") }
        guard bytes.isCString else { throw .invalid("\(bytes.forPeople): the path has a NUL byte") }
        guard bytes.count < 4096 else { throw AgentFailure(SystemError(ENAMETOOLONG, in: bytes.forPeople), stage: .file) }
        self.bytes = bytes
    }

    /// The failure of a step that was about this path, whatever other name the step used.
    func failure(_ error: SystemError) -> AgentFailure {
        AgentFailure(SystemError(error.code, in: bytes.forPeople), stage: .file)
    }

    /// The directory that it is in, and its name there.
    ///
    /// - Throws: for `/`, and where the last component is `.` or `..`: these have no name.
    func split() throws(AgentFailure) -> (parent: [UInt8], name: [UInt8]) {
        let slash = UInt8(ascii: "/")
        var end = bytes.count
        while end > 0, bytes[end - 1] == slash { end -= 1 }
        let start = bytes[..<end].lastIndex(of: slash).map { $0 + 1 } ?? 0
        let name = Array(bytes[start..<end])
        guard !name.isEmpty, name != [UInt8(ascii: ".")], name != Array("..".utf8) else {
            throw AgentFailure(SystemError(EINVAL, in: "\(bytes.forPeople) has no name of its own"), stage: .file)
        }
        let parent = start == 0 ? [UInt8(ascii: ".")] : start == 1 ? [slash] : Array(bytes[..<(start - 1)])
        return (parent, name)
    }

    /// Makes the directory and those above it that are missing.
    static func createDirectories(_ path: [UInt8]) throws(SystemError) {
        let slash = UInt8(ascii: "/")
        var end = 0
        while end < path.count {
            end = path[(end + 1)...].firstIndex(of: slash) ?? path.count
            let prefix = Array(path[..<end])
            let code = prefix.withCString { mkdir($0, 0o755) == 0 ? 0 : errno }
            // Other errors than EEXIST are no news either when the directory is there: EROFS and EACCES are also said of what exists.
            guard code != 0, code != EEXIST, !isDirectory(prefix) else { continue }
            throw SystemError(code, in: prefix.forPeople)
        }
    }

    /// Whether it is one or leads to one.
    static func isDirectory(_ path: [UInt8]) -> Bool {
        (try? stat(of: path, in: AT_FDCWD, flags: 0))?.isDirectory == true
    }
}

extension AgentFileEntry {
    /// Describes what `stat` found at `name`; reads the link if it is one.
    init(path: [UInt8], _ info: stat, linkTarget: [UInt8], accounts: Accounts) {
        self.init(
            path: path,
            mode: UInt32(info.st_mode),
            size: UInt64(clamping: info.st_size),
            modifiedSeconds: Int64(info.st_mtim.tv_sec),
            modifiedNanoseconds: UInt32(clamping: info.st_mtim.tv_nsec),
            uid: info.st_uid,
            gid: info.st_gid,
            // Names of a sandbox's own making; cut, so that no record is too long.
            owner: Array(accounts.name(ofUser: info.st_uid).prefix(255)),
            group: Array(accounts.name(ofGroup: info.st_gid).prefix(255)),
            linkTarget: linkTarget
        )
    }
}
