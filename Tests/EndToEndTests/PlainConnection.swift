import Foundation
import SandstormCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

private func systemSend(_ descriptor: Int32, _ bytes: [UInt8], _ count: Int, _ flags: Int32) -> Int {
    send(descriptor, bytes, count, flags)
}

/// A TCP connection to a port of this machine that reads only when it is told to.
///
/// Nothing but a descriptor, so that ten thousand cost nothing; calls that wait do so on a thread of their own.
final class PlainConnection: Sendable {
    private let descriptor: Int32

    /// - Parameter receiveBuffer: how much the operating system keeps for a reader that does not read, in bytes.
    init(to port: Int, receiveBuffer: Int32? = nil) throws {
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        descriptor = socket(AF_INET, type, 0)
        guard descriptor >= 0 else { throw Failure("no socket: \(errno)") }
        if var size = receiveBuffer { setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size)) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        guard result == 0 else {
            let code = errno
            close(descriptor)
            throw Failure("no connection: \(code)")
        }
    }

    deinit { close(descriptor) }

    func send(_ bytes: [UInt8]) throws {
        guard systemSend(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
            throw Failure("not sent: \(errno)")
        }
    }

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    /// Whether there is something to read, or the end.
    var hasSomething: Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, 0) > 0
    }

    /// Whether the other side has closed the connection.
    var isClosed: Bool {
        var byte: UInt8 = 0
        return recv(descriptor, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)) == 0
    }

    /// Reads at least `count` bytes, or to the connection's end.
    ///
    /// - Returns: how many were read, and the last of them.
    func read(_ count: Int, within time: Duration = .seconds(240)) async throws -> (count: Int, tail: [UInt8]) {
        let reader = self
        return try await PlainConnection.onThread {
            var buffer = [UInt8](repeating: 0, count: 256 * 1024)
            var (total, tail): (Int, [UInt8]) = (0, [])
            let end = ContinuousClock.now + time
            while total < count {
                var entry = pollfd(fd: reader.descriptor, events: Int16(POLLIN), revents: 0)
                guard poll(&entry, 1, 1000) > 0 else {
                    guard ContinuousClock.now < end else { throw Failure("nothing came after \(total) bytes") }
                    continue
                }
                let got = recv(reader.descriptor, &buffer, buffer.count, 0)
                guard got > 0 else { break }
                total += got
                tail = Array((tail + buffer[..<got].suffix(4096)).suffix(4096))
            }
            return (total, tail)
        }
    }

    /// Calls what may block for long.
    static func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result(catching: body)) }
        }
    }
}
