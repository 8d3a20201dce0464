import CLinux
import Glibc

/// Removes something and everything in it, by way of one open directory at a time, however deep it goes.
///
/// No step follows a symbolic link: each directory is opened as an entry of the one before, and the way back up is taken only to the very
/// directory that was left. So whoever swaps directories for links meanwhile gets nothing removed elsewhere.
final class TreeRemover: Work {
    private struct Level {
        /// In the level above.
        let name: [UInt8]
        /// The directory above.
        let parent: stat
    }

    private let path: FilePath
    private let parent: Descriptor
    private let name: [UInt8]
    private let isRecursive: Bool
    private var levels: [Level] = []
    /// What is being emptied; nil before the first step, and when all is done.
    private var current: DirectoryStream?
    private var hasBegun = false
    private var isCancelled = false
    /// Directories that were not empty when they should have been: somebody adds to them.
    private var surprises = 0

    convenience init(_ request: AgentPathRequest) throws(AgentFailure) {
        try request.allow(.recursive)
        let path = try FilePath(request.path)
        let (parent, name) = try path.split()
        do throws(SystemError) {
            let directory = try Descriptor.open(parent, O_RDONLY | O_DIRECTORY | O_NONBLOCK)
            self.init(name, in: directory, path: path, isRecursive: request.flags.contains(.recursive))
        } catch {
            throw path.failure(error)
        }
    }

    init(_ name: [UInt8], in parent: Descriptor, path: FilePath, isRecursive: Bool) {
        self.path = path
        self.parent = parent
        self.name = name
        self.isRecursive = isRecursive
    }

    func cancel() {
        isCancelled = true
    }

    func step() throws(AgentFailure) -> Bool {
        if isCancelled { return false }
        do throws(SystemError) {
            guard hasBegun else {
                hasBegun = true
                guard try !remove(name, from: parent.number) else { return false }
                guard isRecursive else { throw SystemError(ENOTEMPTY, in: "") }
                return try enter(name, in: parent.number)
            }
            guard let current else { return false }
            if let name = try current.next() {
                if try !remove(name, from: current.number) { _ = try enter(name, in: current.number) }
                return true
            }
            return try leave(current)
        } catch {
            let below = levels.dropFirst().map(\.name).reduce([]) { $0 + [UInt8(ascii: "/")] + $1 }
            throw AgentFailure(SystemError(error.code, in: (path.bytes + below).forPeople), stage: .file)
        }
    }

    /// - Returns: false for a directory with something in it.
    private func remove(_ name: [UInt8], from directory: Int32) throws(SystemError) -> Bool {
        let code = name.withCString { unlinkat(directory, $0, 0) == 0 ? 0 : errno }
        switch code {
        case 0: return true
        case ENOENT where !levels.isEmpty: return true
        case EISDIR, EPERM: break
        default: throw SystemError(code, in: name.forPeople)
        }
        let second = name.withCString { unlinkat(directory, $0, AT_REMOVEDIR) == 0 ? 0 : errno }
        switch second {
        case 0: return true
        case ENOENT where !levels.isEmpty: return true
        case ENOTEMPTY, EEXIST: return false
        // It is none: what was said first is what counts.
        case ENOTDIR: throw SystemError(code, in: name.forPeople)
        default: throw SystemError(second, in: name.forPeople)
        }
    }

    private func enter(_ name: [UInt8], in directory: Int32) throws(SystemError) -> Bool {
        var above = stat()
        guard fstat(directory, &above) == 0 else { throw .current(in: name.forPeople) }
        current = try DirectoryStream(name, in: directory)
        levels.append(Level(name: name, parent: above))
        return true
    }

    private func leave(_ directory: DirectoryStream) throws(SystemError) -> Bool {
        guard let level = levels.last else { return false }
        let above = levels.count == 1 ? parent : try Descriptor.open(Array("..".utf8), at: directory.number, O_RDONLY | O_DIRECTORY)
        var info = stat()
        guard fstat(above.number, &info) == 0 else { throw .current(in: "..") }
        guard info.isSame(as: level.parent) else { throw SystemError(ESTALE, in: level.name.forPeople) }
        guard try remove(level.name, from: above.number) else {
            surprises += 1
            guard surprises < 100 else { throw SystemError(ENOTEMPTY, in: level.name.forPeople) }
            directory.rewind()
            return true
        }
        levels.removeLast()
        current = levels.isEmpty ? nil : try DirectoryStream(above, named: level.name)
        // The copy of the descriptor shares its place, which may be at the end.
        current?.rewind()
        return !levels.isEmpty
    }
}
