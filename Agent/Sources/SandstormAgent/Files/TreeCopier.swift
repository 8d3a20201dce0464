import CLinux
import Glibc

/// Copies something and everything in it under a temporary name, with modes, times, and owners where that is allowed. Links stay links.
final class TreeCopier {
    /// Each level holds two directories open.
    private static let deepest = 128

    private struct Level {
        let from: DirectoryStream
        let to: Descriptor
        let info: stat
    }

    private struct File {
        let from: Descriptor
        let to: Descriptor
        let info: stat
    }

    /// Where the copy is. Removed by the caller if it is not wanted.
    let temporaryName = TemporaryFile.makeName()
    private let source: FilePath
    private let destination: FilePath
    private let name: [UInt8]
    private let directory: Descriptor
    private let target: Descriptor
    private var levels: [Level] = []
    private var file: File?
    private var hasBegun = false
    private var chunk: [UInt8] = []

    init(_ name: [UInt8], in directory: Descriptor, to target: Descriptor, source: FilePath, destination: FilePath) {
        self.name = name
        self.directory = directory
        self.target = target
        self.source = source
        self.destination = destination
    }

    /// - Returns: whether there is more to do.
    func step() throws(AgentFailure) -> Bool {
        if let file {
            if try !copy(file) {
                try finish(file.to, file.info)
                self.file = nil
            }
        } else if !hasBegun {
            hasBegun = true
            try begin(name, in: directory.number, as: temporaryName, to: target.number)
        } else if let level = levels.last {
            let name: [UInt8]?
            do throws(SystemError) { name = try level.from.next() } catch { throw source.failure(error) }
            if let name {
                try begin(name, in: level.from.number, as: name, to: level.to.number)
            } else {
                try finish(level.to, level.info)
                levels.removeLast()
            }
        }
        return file != nil || !levels.isEmpty
    }

    private func begin(_ name: [UInt8], in from: Int32, as copy: [UInt8], to: Int32) throws(AgentFailure) {
        let info: stat
        do throws(SystemError) { info = try stat(of: name, in: from) } catch { throw source.failure(error) }
        switch info.kind {
        case S_IFREG:
            let input = try read(name, in: from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
            let output = try write { () throws(SystemError) in
                try Descriptor.open(copy, at: to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
            }
            file = File(from: input, to: output, info: info)
        case S_IFDIR:
            guard levels.count < Self.deepest else { throw source.failure(SystemError(ENAMETOOLONG, in: "")) }
            let input = try read(name, in: from, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK)
            let output = try write { () throws(SystemError) in
                guard copy.withCString({ mkdirat(to, $0, 0o700) }) == 0 else { throw .current(in: "") }
                return try Descriptor.open(copy, at: to, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
            }
            do throws(SystemError) {
                levels.append(Level(from: try DirectoryStream(input, named: name), to: output, info: info))
            } catch {
                throw source.failure(error)
            }
        case S_IFLNK:
            let target: [UInt8]
            do throws(SystemError) { target = try readLink(name, in: from) } catch { throw source.failure(error) }
            try write { () throws(SystemError) in
                let code = target.withCString { target in copy.withCString { symlinkat(target, to, $0) } }
                guard code == 0 else { throw .current(in: "") }
            }
            setOwner(of: copy, in: to, info)
        default:
            // FIFOs and sockets; a device needs a privilege.
            try write { () throws(SystemError) in
                guard copy.withCString({ mknodat(to, $0, info.st_mode, info.st_rdev) }) == 0 else { throw .current(in: "") }
            }
            setOwner(of: copy, in: to, info)
        }
    }

    private func copy(_ file: File) throws(AgentFailure) -> Bool {
        if chunk.isEmpty { chunk = [UInt8](repeating: 0, count: 64 * 1024) }
        let count: Int
        switch chunk.withUnsafeMutableBytes({ file.from.read(into: $0) }) {
        case .count(let read): count = read
        case .wouldBlock: throw source.failure(SystemError(EAGAIN, in: ""))
        case .failed(let code): throw source.failure(SystemError(code, in: ""))
        }
        try write { () throws(SystemError) in try file.to.writeAll(chunk[..<count]) }
        return count > 0
    }

    /// Mode and times last: a directory may be one that can't be written to, and writing changes the time.
    private func finish(_ copy: Descriptor, _ info: stat) throws(AgentFailure) {
        _ = fchown(copy.number, info.st_uid, info.st_gid)
        try write { () throws(SystemError) in
            guard fchmod(copy.number, info.st_mode & 0o7777) == 0 else { throw .current(in: "") }
        }
        _ = futimens(copy.number, [info.st_atim, info.st_mtim])
    }

    private func setOwner(of name: [UInt8], in directory: Int32, _ info: stat) {
        name.withCString { name in
            _ = fchownat(directory, name, info.st_uid, info.st_gid, AT_SYMLINK_NOFOLLOW)
            _ = utimensat(directory, name, [info.st_atim, info.st_mtim], AT_SYMLINK_NOFOLLOW)
        }
    }

    private func read(_ name: [UInt8], in directory: Int32, _ flags: Int32) throws(AgentFailure) -> Descriptor {
        do throws(SystemError) {
            return try Descriptor.open(name, at: directory, flags)
        } catch {
            throw source.failure(error)
        }
    }

    private func write<Result>(_ body: () throws(SystemError) -> Result) throws(AgentFailure) -> Result {
        do throws(SystemError) {
            return try body()
        } catch {
            throw destination.failure(error)
        }
    }
}
