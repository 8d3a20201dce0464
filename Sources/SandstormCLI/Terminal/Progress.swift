import Sandstorm

/// A line on the terminal that says what is being waited for, and only if the wait is longer than half a second.
final class Progress: Sendable {
    private struct State {
        var phase: String
        var isVisible = false
        var isOver = false
    }

    private static let frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"]
    private static let patience = Duration.milliseconds(500)
    private static let interval = Duration.milliseconds(100)

    private let state: Locked<State>
    private let started = ContinuousClock.now
    private let ticker = Locked<Task<Void, Never>?>(nil)

    /// - Parameter isEnabled: `false` for one that never shows anything.
    init(_ phase: String, isEnabled: Bool = Terminal.isInteractive) {
        state = Locked(State(phase: phase, isOver: !isEnabled))
        guard isEnabled else { return }
        ticker.withLock { ticker in
            ticker = Task { [weak self] in
                try? await Task.sleep(for: Progress.patience)
                var frame = 0
                while !Task.isCancelled, let self, draw(Progress.frames[frame]) {
                    frame = (frame + 1) % Progress.frames.count
                    try? await Task.sleep(for: Progress.interval)
                }
            }
        }
    }

    deinit { end() }

    /// Says what is being waited for now.
    func show(_ phase: String) { state.withLock { $0.phase = phase } }

    /// Erases the line for good. To be called before anything else is written.
    func end() {
        ticker.withLock { $0?.cancel() }
        // Written inside the lock, so that no frame can follow the erasure.
        state.withLock { state in
            if state.isVisible { Terminal.writeRaw("\r\u{1B}[2K") }
            state.isVisible = false
            state.isOver = true
        }
    }

    private func draw(_ frame: String) -> Bool {
        state.withLock { state in
            guard !state.isOver else { return false }
            let elapsed = ContinuousClock.now - started
            Terminal.writeRaw("\r\u{1B}[2K\(frame) \(state.phase.printable) (\(elapsed.display))")
            state.isVisible = true
            return true
        }
    }
}
