public import SandstormCore

#if canImport(FoundationEssentials)
public import FoundationEssentials
#else
public import Foundation
#endif

/// A piece of a run's output.
public struct OutputChunk: Hashable, Sendable {
    /// Where a program writes to.
    public enum Stream: String, CaseIterable, Hashable, Sendable {
        case stdout, stderr
    }

    /// Where the program wrote it.
    public var stream: Stream
    /// When the gateway received it.
    public var time: Date
    /// Never cut inside a UTF-8 character as long as the output is UTF-8.
    public var bytes: [UInt8]

    /// The bytes as text; what is not UTF-8 is shown as U+FFFD.
    public var text: String { String(decoding: bytes, as: UTF8.self) }
}

extension RunEvent {
    /// The output, if the event is one.
    public var output: OutputChunk? {
        switch body {
        case .stdout(let bytes): OutputChunk(stream: .stdout, time: time, bytes: bytes)
        case .stderr(let bytes): OutputChunk(stream: .stderr, time: time, bytes: bytes)
        case .accepted, .decision, .queued, .attemptFailed, .hedged, .started, .exited, .settled: nil
        }
    }
}

/// The outputs of one run as they came. One consumer.
public struct RunLogs: AsyncSequence, Sendable {
    /// A piece of output.
    public typealias Element = OutputChunk
    /// As ``RunStream`` has it.
    public typealias Failure = SandstormError

    let events: RunStream

    /// Begins to read; nothing is asked for before the first `next`.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(events: events.makeAsyncIterator()) }

    /// Asks for one piece after the other.
    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate var events: RunStream.AsyncIterator

        /// The next piece; `nil` after the last.
        public mutating func next() async throws -> OutputChunk? { try await pull() }

        /// The next piece, for a caller isolated to `actor`; `nil` after the last.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(SandstormError) -> OutputChunk? {
            try await pull(isolation: actor)
        }

        private mutating func pull(isolation actor: isolated (any Actor)? = #isolation) async throws(SandstormError) -> OutputChunk? {
            while let event = try await events.next(isolation: actor) {
                if let output = event.output { return output }
            }
            return nil
        }
    }
}
