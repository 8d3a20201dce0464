import CLinux
import Glibc

/// An open file that is closed when nobody refers to it any more. That also takes it out of the poller.
final class Descriptor {
    let number: Int32

    init(owning number: Int32) {
        self.number = number
    }

    deinit {
        // EINTR is no reason to call again: Linux has closed the number by then, and it may be somebody else's already.
        _ = close(number)
    }

    /// What a call that must not block came to.
    enum Outcome {
        /// So many bytes; none when reading means the end.
        case count(Int)
        case wouldBlock
        case failed(Int32)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Outcome {
        while true {
            let count = Glibc.read(number, buffer.baseAddress, buffer.count)
            if count >= 0 { return .count(count) }
            if errno == EINTR { continue }
            return errno == EAGAIN ? .wouldBlock : .failed(errno)
        }
    }

    func write(_ buffer: UnsafeRawBufferPointer) -> Outcome {
        while true {
            let count = Glibc.write(number, buffer.baseAddress, buffer.count)
            if count >= 0 { return .count(count) }
            if errno == EINTR { continue }
            return errno == EAGAIN ? .wouldBlock : .failed(errno)
        }
    }

    /// Writes all of it to a file; not for what may block.
    func writeAll(_ bytes: ArraySlice<UInt8>) throws(SystemError) {
        var rest = bytes
        while !rest.isEmpty {
            switch rest.withUnsafeBytes({ write($0) }) {
            case .count(let count): rest = rest.dropFirst(count)
            case .wouldBlock: throw SystemError(EAGAIN, in: "write")
            case .failed(let code): throw SystemError(code, in: "write")
            }
        }
    }

    /// The flag belongs to the open file, not to the number: only for ends that nobody else uses.
    func makeNonBlocking() {
        let flags = fcntl(number, F_GETFL)
        _ = fcntl(number, F_SETFL, flags | O_NONBLOCK)
    }

    /// Bytes that can be read from a pipe right now.
    var readableByteCount: Int {
        var count: Int32 = 0
        guard ioctl(number, UInt(FIONREAD), &count) == 0 else { return 0 }
        return Int(max(0, count))
    }

    /// Opens a file; the descriptor is not inherited by what the agent starts.
    static func open(
        _ path: [UInt8],
        at directory: Int32 = AT_FDCWD,
        _ flags: Int32,
        mode: mode_t = 0
    ) throws(SystemError) -> Descriptor {
        let number = path.withCString { path in
            while true {
                let number = openat(directory, path, flags | O_CLOEXEC, mode)
                if number >= 0 || errno != EINTR { return number }
            }
        }
        guard number >= 0 else { throw .current(in: String(decoding: path.prefix(1024), as: UTF8.self)) }
        return Descriptor(owning: number)
    }

    /// A pipe of which the child inherits one end (through the actions of its start) and the agent keeps the other.
    static func pipe() throws(SystemError) -> (readEnd: Descriptor, writeEnd: Descriptor) {
        var ends: [Int32] = [-1, -1]
        guard pipe2(&ends, O_CLOEXEC) == 0 else { throw .current(in: "pipe") }
        return (Descriptor(owning: ends[0]), Descriptor(owning: ends[1]))
    }
}
