#if os(Linux)
import Glibc

/// An open file descriptor. Closed with its last reference; no child inherits it.
final class Descriptor: Sendable {
    let number: Int32

    init(owning number: Int32) { self.number = number }

    deinit { Glibc.close(number) }

    static func open(_ path: String, _ flags: Int32, mode: mode_t = 0o600) throws(SystemError) -> Descriptor {
        while true {
            let number = Glibc.open(path, flags | O_CLOEXEC, mode)
            if number >= 0 { return Descriptor(owning: number) }
            guard errno == EINTR else { throw .current(in: "open \(path)") }
        }
    }

    /// Two connected sockets.
    static func socketPair() throws(SystemError) -> (Descriptor, Descriptor) {
        var numbers: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, type, 0, &numbers) == 0 else { throw .current(in: "socketpair") }
        return (Descriptor(owning: numbers[0]), Descriptor(owning: numbers[1]))
    }

    /// What can be read right now without waiting, at most `limit` bytes.
    func readAvailable(limit: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: limit)
        let count = bytes.withUnsafeMutableBytes { recv(number, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT)) }
        return Array(bytes.prefix(max(0, count)))
    }

    /// A second descriptor for the same open file, which belongs to the caller.
    func duplicate() throws(SystemError) -> Int32 {
        let copy = fcntl(number, F_DUPFD_CLOEXEC, 3)
        guard copy >= 0 else { throw .current(in: "dup") }
        return copy
    }
}
#endif
