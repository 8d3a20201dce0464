import Dispatch
import Sandstorm

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Nobody reads what is written.
struct OutputClosed: Error {}

/// Standard output or standard error, for what a user's program prints: byte for byte, as it comes.
struct StandardOutput: Sendable {
    static let output = StandardOutput(descriptor: STDOUT_FILENO)
    static let error = StandardOutput(descriptor: STDERR_FILENO)

    private let descriptor: CInt
    private let queue: DispatchQueue

    private init(descriptor: CInt) {
        self.descriptor = descriptor
        queue = DispatchQueue(label: "sandstorm.output.\(descriptor)")
    }

    /// Writes all of `bytes`; a slow reader holds up the caller, and a cancelled caller does not wait for the reader.
    ///
    /// - Throws: ``OutputClosed`` if the reader is gone, `CancellationError` if the caller is.
    func write(_ bytes: [UInt8]) async throws {
        guard !bytes.isEmpty else { return }
        let descriptor = descriptor
        try await blocking(on: queue) { isCancelled in
            try bytes.withUnsafeBytes { try StandardOutput.write($0, to: descriptor, isCancelled: isCancelled) }
        }
    }

    /// Writes text and a line break.
    func line(_ text: String) async throws { try await write(Array((text + "\n").utf8)) }

    private static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: CInt, isCancelled: () -> Bool) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            if isCancelled() { throw CancellationError() }
            var poller = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            guard poll(&poller, 1, 100) != 0 else { continue }
            // A pipe that is ready takes a page without blocking, so that a stopped reader does not stop Ctrl-C.
            let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(4096))
            #if canImport(Darwin)
            let count = Darwin.write(descriptor, piece.baseAddress, piece.count)
            #else
            let count = Glibc.write(descriptor, piece.baseAddress, piece.count)
            #endif
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if errno != EINTR, errno != EAGAIN {
                // EPIPE above all; whatever else it is, nothing can be written any more.
                throw OutputClosed()
            }
        }
    }
}

/// Standard input, read to its end.
enum StandardInput {
    /// The most that a run can be given.
    static let limit = 16 * 1024 * 1024

    /// Reads everything there is.
    ///
    /// - Throws: ``CommandFailure`` beyond ``limit``; `CancellationError`.
    static func readAll() async throws -> [UInt8] {
        try await blocking(on: DispatchQueue(label: "sandstorm.input")) { isCancelled in
            var bytes: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while true {
                if isCancelled() { throw CancellationError() }
                var poller = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
                guard poll(&poller, 1, 100) != 0 else { continue }
                let count = read(STDIN_FILENO, &buffer, buffer.count)
                if count == 0 { return bytes }
                if count < 0 {
                    if errno == EINTR || errno == EAGAIN { continue }
                    throw CommandFailure(.sandstormFailed, "standard input can't be read: \(String(cString: strerror(errno)))")
                }
                bytes.append(contentsOf: buffer.prefix(count))
                guard bytes.count <= limit else {
                    throw CommandFailure(.usage, "standard input is longer than 16 MiB; pass it as a file that the code fetches itself")
                }
            }
        }
    }
}
