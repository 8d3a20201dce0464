import NIOCore
import SandstormCore

/// Takes a run's output: to the log in pieces that are whole characters, and its beginning into the result.
final class OutputRecorder: Sendable {
    private struct State {
        var boundaries: (stdout: CharacterBoundary, stderr: CharacterBoundary) = (.init(), .init())
        var collected: Collected
    }

    /// What the result takes from the output.
    struct Collected: Sendable {
        var stdout: OutputCollector
        var stderr: OutputCollector
        /// From the request's arrival.
        var firstOutput: Duration?
    }

    private let run: ActiveRun
    private let state: Locked<State>

    init(run: ActiveRun, limit: Int) {
        self.run = run
        state = Locked(State(collected: Collected(stdout: OutputCollector(limit: limit), stderr: OutputCollector(limit: limit))))
    }

    var collected: Collected { state.withLock { $0.collected } }

    /// Takes a piece of output; waits while the run's reader is behind.
    func record(_ stream: CodeExecution.Stream, _ bytes: ByteBuffer) async {
        let piece = state.withLock { state -> [UInt8] in
            if state.collected.firstOutput == nil { state.collected.firstOutput = run.arrived.duration(to: .now) }
            switch stream {
            case .stdout: return state.collected.stdout.take(state.boundaries.stdout.push(bytes.readableBytesView))
            case .stderr: return state.collected.stderr.take(state.boundaries.stderr.push(bytes.readableBytesView))
            }
        }
        guard !piece.isEmpty else { return }
        await run.log.append(stream == .stdout ? .stdout(piece) : .stderr(piece))
    }

    /// Takes what a stream that ended inside a character had left.
    func finish() async {
        let (stdout, stderr) = state.withLock { state in
            (
                state.collected.stdout.take(state.boundaries.stdout.finish()),
                state.collected.stderr.take(state.boundaries.stderr.finish())
            )
        }
        if !stdout.isEmpty { await run.log.append(.stdout(stdout)) }
        if !stderr.isEmpty { await run.log.append(.stderr(stderr)) }
    }
}

extension OutputCollector {
    fileprivate mutating func take(_ piece: [UInt8]) -> [UInt8] {
        append(piece)
        return piece
    }
}
