import SandstormCore

#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

/// The hold of one process on a data directory: a `flock` on the file `lock`, which the kernel lets go of when the process dies.
///
/// The file lists its holders, one `exclusive 123` or `shared 123` a line, for the message to whoever comes second. Lines of
/// the dead stay until somebody finds the file free. To be taken under an ``OpeningLock``, which makes reading and
/// writing that list safe.
final class DirectoryLock: Sendable {
    private let descriptor: FileDescriptor

    init(directory: String, exclusive: Bool) throws(StoreError) {
        let path = directory + "/lock"
        descriptor = try FileDescriptor(opening: path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC)
        let wasFree = try descriptor.lock(LOCK_EX, path)
        var isHeld = wasFree
        if !isHeld, !exclusive { isHeld = try descriptor.lock(LOCK_SH, path) }
        guard isHeld else {
            throw StoreError(.inUse, DirectoryLock.refusal(of: directory, exclusive: exclusive, holders: descriptor.readText()))
        }
        if wasFree { ftruncate(descriptor.number, 0) }
        descriptor.append("\(exclusive ? "exclusive" : "shared") \(getpid())\n")
        // Downgraded last. In between the lock may be nobody's, which the opening lock hides.
        if wasFree, !exclusive { _ = try descriptor.lock(LOCK_SH, path) }
    }

    /// Lets go. Doing so twice does nothing.
    func release() { descriptor.release() }

    private static func refusal(of directory: String, exclusive: Bool, holders text: String) -> String {
        let living = text.split(separator: "\n").compactMap { line -> (isGateway: Bool, pid: pid_t)? in
            let words = line.split(separator: " ")
            guard words.count == 2, let pid = pid_t(words[1]), kill(pid, 0) == 0 || errno == EPERM else { return nil }
            return (words[0] == "exclusive", pid)
        }
        let pids = living.map { String($0.pid) }
        let who = pids.isEmpty ? "another process" : (pids.count == 1 ? "process " : "processes ") + pids.joined(separator: ", ")
        let elsewhere = "or name another data directory"
        guard exclusive else {
            return "\(directory) is held by a gateway (\(who)): send runs to it with --gateway or SANDSTORM_URL, \(elsewhere)"
        }
        let isGateway = living.contains { $0.isGateway }
        return isGateway
            ? "\(directory) is held by another gateway (\(who)): stop it, \(elsewhere)"
            : "\(directory) is in use by runs without a gateway (\(who)): wait until they have ended, \(elsewhere)"
    }
}

/// Lets one process at a time open a data directory, so that two never migrate it at once: a `flock` on the directory itself.
final class OpeningLock: Sendable {
    private let descriptor: FileDescriptor

    /// Waits up to ten seconds.
    init(directory: String) throws(StoreError) {
        descriptor = try FileDescriptor(opening: directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        for _ in 0..<1000 {
            if try descriptor.lock(LOCK_EX, directory) { return }
            usleep(10_000)
        }
        throw StoreError(.inUse, "another process has been opening \(directory) for ten seconds: end it, or name another data directory")
    }

    func release() { descriptor.release() }
}

/// An open file that closes itself.
private final class FileDescriptor: Sendable {
    /// -1 once closed.
    private let state: Locked<CInt>

    init(opening path: String, _ flags: CInt) throws(StoreError) {
        let number = open(path, flags, 0o600)
        guard number >= 0 else { throw StoreError(errno: errno, "open", path) }
        state = Locked(number)
    }

    deinit { release() }

    var number: CInt { state.withLock { $0 } }

    func release() {
        let number = state.withLock { number in
            defer { number = -1 }
            return number
        }
        if number >= 0 { close(number) }
    }

    /// Takes the lock unless somebody holds it against us.
    func lock(_ kind: CInt, _ path: String) throws(StoreError) -> Bool {
        while flock(number, kind | LOCK_NB) != 0 {
            switch errno {
            case EINTR: continue
            case EWOULDBLOCK: return false
            default: throw StoreError(errno: errno, "lock", path)
            }
        }
        return true
    }

    /// Writes at the end of a file that was opened for appending. A failure is passed over: only a message's wording suffers.
    func append(_ text: String) {
        var text = text
        text.withUTF8 { _ = write(number, $0.baseAddress, $0.count) }
    }

    func readText() -> String {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = pread(number, &bytes, bytes.count, 0)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }
}
