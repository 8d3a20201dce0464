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

    /// Whether a terminal shows what is written.
    var isTerminal: Bool { isatty(descriptor) == 1 }

    /// Writes text and a line break. On a terminal, control characters are written as JSON has them: `\u009b`.
    func line(_ text: String) async throws {
        guard isTerminal else { return try await write(Array((text + "\n").utf8)) }
        let shown = text.unicodeScalars.map { scalar in
            (0x7F...0x9F).contains(scalar.value) || scalar.value < 0x20
                ? "\\u00" + (scalar.value < 0x10 ? "0" : "") + String(scalar.value, radix: 16) : String(Character(scalar))
        }
        try await write(Array((shown.joined() + "\n").utf8))
    }

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

/// Standard input.
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

    /// Standard input as its bytes come.
    struct Pieces: AsyncSequence, AsyncIteratorProtocol, Sendable {
        private let queue = DispatchQueue(label: "sandstorm.input")

        func makeAsyncIterator() -> Pieces { self }

        /// The next bytes; `nil` at the end, and when the terminal is gone.
        ///
        /// - Throws: ``CommandFailure``; `CancellationError`.
        mutating func next() async throws -> [UInt8]? { try await piece() }

        private func piece() async throws -> [UInt8]? {
            try await blocking(on: queue) { isCancelled in
                var buffer = [UInt8](repeating: 0, count: 65_536)
                while true {
                    if isCancelled() { throw CancellationError() }
                    var poller = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
                    // Short, so that whoever cancels the reading does not wait.
                    guard poll(&poller, 1, 20) != 0 else { continue }
                    let count = read(STDIN_FILENO, &buffer, buffer.count)
                    if count > 0 { return Array(buffer.prefix(count)) }
                    if count == 0 || errno == EIO { return nil }
                    guard errno == EINTR || errno == EAGAIN else {
                        throw CommandFailure(.sandstormFailed, "standard input can't be read: \(String(cString: strerror(errno)))")
                    }
                }
            }
        }
    }
}
