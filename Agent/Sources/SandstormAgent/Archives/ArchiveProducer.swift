import CLinux
import Glibc

/// A directory, or a file, as a pax archive.
///
/// Sockets, FIFOs and devices are left out: they mean nothing elsewhere. A file that shrinks while it is read is filled up with zeros, as its
/// size has been said before.
final class ArchiveProducer: Producer {
    /// Each level holds a directory open.
    private static let deepest = 256

    private struct Level {
        let directory: DirectoryStream
        let prefix: [UInt8]
    }

    private struct Content {
        let file: Descriptor
        var remaining: UInt64
        let padding: Int
    }

    private let path: FilePath
    private let accounts: Accounts
    private var levels: [Level] = []
    private var content: Content?
    /// The one file that is asked for, until it has been begun.
    private var single: (directory: Descriptor, name: [UInt8])?
    private var chunk = [UInt8](repeating: 0, count: 48 * 1024)

    init(_ request: AgentPathRequest, accounts: Accounts) throws(AgentFailure) {
        try request.allow([])
        path = try FilePath(request.path)
        self.accounts = accounts
        do throws(SystemError) {
            let info = try stat(of: path.bytes, in: AT_FDCWD, flags: 0)
            if info.isDirectory {
                let directory = try Descriptor.open(path.bytes, O_RDONLY | O_DIRECTORY | O_NONBLOCK)
                levels.append(Level(directory: try DirectoryStream(directory, named: path.bytes), prefix: []))
                return
            }
        } catch {
            throw path.failure(error)
        }
        let (parent, name) = try path.split()
        do throws(SystemError) {
            single = (try Descriptor.open(parent, SANDSTORM_O_PATH | O_DIRECTORY), name)
            // Said now, as a directory's would be.
            if name.withCString({ sandstorm_access(single?.directory.number ?? -1, $0, R_OK) }) != 0 { throw .current(in: "") }
        } catch {
            throw path.failure(error)
        }
    }

    func produce(into bytes: inout [UInt8]) throws(AgentFailure) -> Bool {
        if content != nil {
            try read(into: &bytes)
            return true
        }
        if let (directory, name) = single {
            single = nil
            try begin(name, in: directory.number, prefix: [], follows: true, into: &bytes)
            return true
        }
        guard let level = levels.last else {
            bytes += [UInt8](repeating: 0, count: 2 * TarFormat.blockSize)
            return false
        }
        let name: [UInt8]?
        do throws(SystemError) { name = try level.directory.next() } catch { throw failure(error, level.prefix) }
        if let name {
            try begin(name, in: level.directory.number, prefix: level.prefix, follows: false, into: &bytes)
        } else {
            levels.removeLast()
        }
        return true
    }

    private func begin(_ name: [UInt8], in directory: Int32, prefix: [UInt8], follows: Bool, into bytes: inout [UInt8]) throws(AgentFailure)
    {
        let path = prefix + name
        do throws(SystemError) {
            let info = try stat(of: name, in: directory, flags: follows ? 0 : AT_SYMLINK_NOFOLLOW)
            switch info.kind {
            case S_IFREG:
                let file = try Descriptor.open(name, at: directory, O_RDONLY | O_NONBLOCK | O_NOCTTY | (follows ? 0 : O_NOFOLLOW))
                var opened = stat()
                guard fstat(file.number, &opened) == 0 else { throw .current(in: "") }
                // It may be something else by now.
                guard opened.isRegular else { return }
                var member = member(.file, path, opened)
                member.size = UInt64(clamping: opened.st_size)
                member.encode(into: &bytes)
                content = Content(file: file, remaining: member.size, padding: TarFormat.padding(after: member.size))
            case S_IFDIR:
                guard levels.count < Self.deepest, path.count < 4096 else { throw SystemError(ENAMETOOLONG, in: "") }
                let level = Level(directory: try DirectoryStream(name, in: directory), prefix: path + [UInt8(ascii: "/")])
                member(.directory, path, info).encode(into: &bytes)
                levels.append(level)
            case S_IFLNK:
                var member = member(.symbolicLink, path, info)
                member.target = try readLink(name, in: directory)
                member.encode(into: &bytes)
            default:
                break
            }
        } catch {
            // What is gone by now was not there, unless it was asked for by name.
            if error.code == ENOENT, !follows { return }
            throw failure(error, path)
        }
    }

    private func member(_ kind: TarMember.Kind, _ path: [UInt8], _ info: stat) -> TarMember {
        TarMember(
            kind: kind,
            path: path,
            mode: UInt32(info.st_mode) & 0o7777,
            uid: UInt64(info.st_uid),
            gid: UInt64(info.st_gid),
            modifiedSeconds: Int64(info.st_mtim.tv_sec),
            owner: accounts.name(ofUser: info.st_uid),
            group: accounts.name(ofGroup: info.st_gid)
        )
    }

    /// Takes one piece of the file's content.
    private func read(into bytes: inout [UInt8]) throws(AgentFailure) {
        guard var content else { return }
        if content.remaining > 0 {
            let maximum = Int(min(UInt64(chunk.count), content.remaining))
            let outcome = chunk.withUnsafeMutableBytes { content.file.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[..<maximum])) }
            switch outcome {
            case .count(0):
                bytes += [UInt8](repeating: 0, count: maximum)
                content.remaining -= UInt64(maximum)
            case .count(let count):
                bytes += chunk[..<count]
                content.remaining -= UInt64(count)
            case .wouldBlock: throw failure(SystemError(EAGAIN, in: ""), [])
            case .failed(let code): throw failure(SystemError(code, in: ""), [])
            }
        }
        if content.remaining == 0 {
            bytes += [UInt8](repeating: 0, count: content.padding)
            self.content = nil
        } else {
            self.content = content
        }
    }

    private func failure(_ error: SystemError, _ below: [UInt8]) -> AgentFailure {
        let whole = below.isEmpty ? path.bytes : path.bytes + [UInt8(ascii: "/")] + below
        return AgentFailure(SystemError(error.code, in: whole.forPeople), stage: .file)
    }
}
