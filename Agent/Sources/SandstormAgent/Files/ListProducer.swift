import CLinux
import Glibc

/// The entries of a directory and, to some depth, of those in it; in no order, so that nothing has to be kept.
final class ListProducer: Producer {
    /// Each level holds a directory open.
    private static let deepest = 256

    private struct Level {
        let directory: DirectoryStream
        /// What its entries' names follow: empty, or a relative path with a slash at its end.
        let prefix: [UInt8]
    }

    private let path: FilePath
    private let depth: Int
    private let accounts: Accounts
    private var levels: [Level]

    init(_ request: AgentListFiles, accounts: Accounts) throws(AgentFailure) {
        path = try FilePath(request.path)
        depth = Int(clamping: request.depth)
        self.accounts = accounts
        do throws(SystemError) {
            let directory = try Descriptor.open(path.bytes, O_RDONLY | O_DIRECTORY | O_NONBLOCK)
            levels = depth > 0 ? [Level(directory: try DirectoryStream(directory, named: path.bytes), prefix: [])] : []
        } catch {
            throw path.failure(error)
        }
    }

    func produce(into bytes: inout [UInt8]) throws(AgentFailure) -> Bool {
        guard let level = levels.last else { return false }
        do throws(SystemError) {
            guard let name = try level.directory.next() else {
                levels.removeLast()
                return !levels.isEmpty
            }
            // What is gone by now was not there.
            guard let info = try? stat(of: name, in: level.directory.number) else { return true }
            let target = info.isLink ? (try? readLink(name, in: level.directory.number)) ?? [] : []
            let entry = AgentFileEntry(path: level.prefix + name, info, linkTarget: target, accounts: accounts)
            AgentRecord.entry(entry).encode(into: &bytes)
            guard info.isDirectory, levels.count < depth else { return true }
            guard levels.count < Self.deepest, entry.path.count < 4096 else {
                throw SystemError(ENAMETOOLONG, in: "\(entry.path.forPeople) is nested too deep")
            }
            // A directory that may not be read is told of, and what is in it is not.
            if let directory = try? DirectoryStream(name, in: level.directory.number) {
                levels.append(Level(directory: directory, prefix: entry.path + [UInt8(ascii: "/")]))
            }
            return true
        } catch {
            throw AgentFailure(SystemError(error.code, in: "\(path.bytes.forPeople): \(error.step)"), stage: .file)
        }
    }
}
