import Dispatch
import Sandstorm

#if canImport(Glibc)
import Glibc
import SwiftOverlayShims
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Bytes that are made by blocking calls on a queue of their own. One consumer.
struct BlockingBytes: AsyncSequence, AsyncIteratorProtocol, Sendable {
    private let queue = DispatchQueue(label: "sandstorm.files")
    private let pull: @Sendable () throws -> [UInt8]?

    /// - Parameter pull: the next bytes; `nil` after the last. Never called twice at once.
    init(_ pull: @escaping @Sendable () throws -> [UInt8]?) { self.pull = pull }

    func makeAsyncIterator() -> BlockingBytes { self }

    mutating func next() async throws -> [UInt8]? { try await blocking(on: queue) { [pull] _ in try pull() } }
}

/// A file of this machine that is being read.
final class LocalFileReader: Sendable {
    let mode: UInt16
    private let descriptor: CInt
    private let path: String

    init(_ path: String) throws {
        self.path = path
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw LocalFileReader.failure("can't be read", path) }
        var status = stat()
        mode = fstat(descriptor, &status) == 0 ? UInt16(truncatingIfNeeded: status.st_mode & 0o777) : 0o644
    }

    deinit { close(descriptor) }

    /// The next bytes; `nil` at the end.
    func next() throws -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 256 * 1024)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count > 0 { return Array(buffer.prefix(count)) }
            if count == 0 { return nil }
            if errno != EINTR { throw LocalFileReader.failure("can't be read", path) }
        }
    }

    static func failure(_ what: String, _ path: String) -> CommandFailure {
        CommandFailure(.sandstormFailed, "\(path) \(what): \(String(cString: strerror(errno)))")
    }
}

/// A file of this machine that is being written: it is there when the last byte is, or not at all.
final class LocalFileWriter: Sendable {
    private let descriptor: CInt
    private let path: String
    private let temporary: String
    private let isDone = Locked(false)

    init(_ path: String, mode: UInt16) throws {
        self.path = path
        temporary = path + ".sandstorm-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode_t(mode & 0o777))
        guard descriptor >= 0 else { throw LocalFileReader.failure("can't be written", path) }
    }

    deinit {
        close(descriptor)
        if !isDone.withLock({ $0 }) { unlink(temporary) }
    }

    func write(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { systemWrite(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw LocalFileReader.failure("can't be written", path) }
            rest = rest.dropFirst(count)
        }
    }

    /// Puts the file into its place.
    func finish() throws {
        guard rename(temporary, path) == 0 else { throw LocalFileReader.failure("can't be written", path) }
        isDone.withLock { $0 = true }
    }
}
