import CLinux
import Glibc

/// Gives something another name, at once where the file system can.
///
/// Between two file systems it is copied beside its new place, put there in one step, and then removed from the old one. What fails or is
/// cancelled before that step leaves everything as it was.
final class MoveWork: Work {
    private enum Phase {
        case renaming
        case copying(TreeCopier)
        case removing(TreeRemover)
        case undoing(TreeRemover)
        case done
    }

    private let source: FilePath
    private let destination: FilePath
    private let sourceDirectory: Descriptor
    private let sourceName: [UInt8]
    private let destinationDirectory: Descriptor
    private let destinationName: [UInt8]
    private let replaces: Bool
    private var phase = Phase.renaming

    init(_ request: AgentMoveFile) throws(AgentFailure) {
        source = try FilePath(request.source)
        destination = try FilePath(request.destination)
        let from = try source.split()
        let to = try destination.split()
        (sourceName, destinationName) = (from.name, to.name)
        replaces = request.replaces
        sourceDirectory = try Self.open(from.parent, for: source)
        destinationDirectory = try Self.open(to.parent, for: destination)
    }

    private static func open(_ directory: [UInt8], for path: FilePath) throws(AgentFailure) -> Descriptor {
        do throws(SystemError) {
            return try Descriptor.open(directory, O_RDONLY | O_DIRECTORY | O_NONBLOCK)
        } catch {
            throw path.failure(error)
        }
    }

    func step() throws(AgentFailure) -> Bool {
        switch phase {
        case .renaming:
            try rename()
            if case .done = phase { return false }
            return true
        case .copying(let copier):
            if try copier.step() { return true }
            try put(copier.temporaryName)
            phase = .removing(TreeRemover(sourceName, in: sourceDirectory, path: source, isRecursive: true))
            return true
        case .removing(let remover), .undoing(let remover):
            return try remover.step()
        case .done:
            return false
        }
    }

    func cancel() {
        switch phase {
        case .copying(let copier):
            phase = .undoing(TreeRemover(copier.temporaryName, in: destinationDirectory, path: destination, isRecursive: true))
        case .renaming, .done: phase = .done
        // The source's removal is the second half of a move that has happened.
        case .removing, .undoing: break
        }
    }

    private func rename() throws(AgentFailure) {
        switch renameAt(sourceDirectory, sourceName, destinationDirectory, destinationName, replaces: replaces) {
        case 0: phase = .done
        case EXDEV:
            if !replaces, (try? stat(of: destinationName, in: destinationDirectory.number)) != nil {
                throw destination.failure(SystemError(EEXIST, in: ""))
            }
            phase = .copying(
                TreeCopier(sourceName, in: sourceDirectory, to: destinationDirectory, source: source, destination: destination))
        case let code: throw failure(code)
        }
    }

    /// Puts the copy in its place.
    private func put(_ temporary: [UInt8]) throws(AgentFailure) {
        let code = renameAt(destinationDirectory, temporary, destinationDirectory, destinationName, replaces: replaces)
        guard code == 0 else { throw failure(code) }
    }

    /// Speaks of the path that is to blame.
    private func failure(_ code: Int32) -> AgentFailure {
        let blamesSource =
            code == ENOENT || code == EINVAL || ([EACCES, EPERM, EROFS].contains(code) && !isWritable(sourceDirectory))
        return (blamesSource ? source : destination).failure(SystemError(code, in: ""))
    }

    private func isWritable(_ directory: Descriptor) -> Bool { sandstorm_access(directory.number, ".", W_OK) == 0 }
}

/// Renames; without replacing anything if asked so.
///
/// - Returns: 0 or an errno.
func renameAt(_ from: Descriptor, _ name: [UInt8], _ to: Descriptor, _ place: [UInt8], replaces: Bool) -> Int32 {
    name.withCString { name in
        place.withCString { place in
            if replaces { return renameat(from.number, name, to.number, place) == 0 ? 0 : errno }
            if sandstorm_renameat2(from.number, name, to.number, place, SANDSTORM_RENAME_NOREPLACE) == 0 { return 0 }
            guard errno == EINVAL || errno == ENOSYS else { return errno }
            // Not every file system can. Then there's a moment in which another process may get in between.
            var info = stat()
            if fstatat(to.number, place, &info, AT_SYMLINK_NOFOLLOW) == 0 { return EEXIST }
            return renameat(from.number, name, to.number, place) == 0 ? 0 : errno
        }
    }
}
