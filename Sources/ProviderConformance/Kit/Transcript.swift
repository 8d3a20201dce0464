import NIOCore
import SandstormCore

/// All that a process did.
struct Transcript: Sendable, CustomStringConvertible {
    var output = ByteBuffer()
    var errors = ByteBuffer()
    var status: ExitStatus?
    /// The events by name, without their bytes.
    var order: [String] = []

    var stdout: String { String(buffer: output) }
    var stderr: String { String(buffer: errors) }
    /// The exit code as shells have it.
    var code: Int32? { status?.shellCode }

    var description: String {
        "exit \(status.map { "\($0.outcome)" } ?? "unknown"), stdout \(stdout.prefix(200).debugDescription), stderr \(stderr.prefix(200).debugDescription)"
    }
}

extension SandboxProcess {
    /// Reads to the end.
    func transcript() async throws(ProviderError) -> Transcript {
        var transcript = Transcript()
        var iterator = events.makeAsyncIterator()
        while let event = try await iterator.next(isolation: nil) {
            switch event {
            case .started: transcript.order.append("started")
            case .stdout(var bytes):
                transcript.order.append("stdout")
                transcript.output.writeBuffer(&bytes)
            case .stderr(var bytes):
                transcript.order.append("stderr")
                transcript.errors.writeBuffer(&bytes)
            case .exited(let status):
                transcript.order.append("exited")
                transcript.status = status
            }
        }
        return transcript
    }
}

extension ProcessEvents.Iterator {
    /// Reads until all output so far has `text` in it.
    ///
    /// - Returns: the output; without `text` if the process ended before.
    mutating func output(until text: String) async throws(ProviderError) -> String {
        // As bytes: to Swift "\r\n" is one character, in which there is no "\n", and a piece may end within a character.
        var seen = ByteBuffer()
        while seen.readableBytesView.firstRange(of: text.utf8) == nil, let event = try await next(isolation: nil) {
            if case .stdout(var bytes) = event { seen.writeBuffer(&bytes) }
        }
        return String(buffer: seen)
    }

    /// Reads to the end.
    mutating func rest() async throws(ProviderError) -> (output: String, status: ExitStatus?) {
        var (seen, status) = (ByteBuffer(), ExitStatus?.none)
        while let event = try await next(isolation: nil) {
            if case .stdout(var bytes) = event { seen.writeBuffer(&bytes) }
            if case .exited(let end) = event { status = end }
        }
        return (String(buffer: seen), status)
    }
}
