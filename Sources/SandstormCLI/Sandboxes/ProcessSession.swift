import ArgumentParser
import Sandstorm

/// One command in a living sandbox, joined to this program's input and output until it ends.
struct ProcessSession {
    let sandbox: LivingSandbox
    let request: ProcessRequest
    /// Standard input goes to the command.
    let passesInput: Bool
    /// What a terminal must not show is passed on all the same.
    let isRaw: Bool

    /// Runs to the end, and returns the exit code that passes it on.
    func execute() async throws -> ExitCode {
        let hasTerminal = request.command.terminal != nil
        let process = try await sandbox.start(request)
        // A program with a terminal of its own is meant to steer the one that shows it.
        let output = ProgramOutput(isRaw: isRaw || hasTerminal)
        if hasTerminal { RawTerminal.enter() }
        defer { RawTerminal.restore() }
        let code = try await withThrowingTaskGroup(of: Void.self) { group in
            if passesInput { group.addTask { try await ProcessSession.passInput(to: process) } }
            if hasTerminal { group.addTask { await ProcessSession.passSizes(to: process) } }
            // Ends the two also if this throws; leaving the group waits for them.
            defer { group.cancelAll() }
            do {
                return try await passOutput(of: process, to: output)
            } catch {
                // What failed on the side of the command has ended it; of a closed output it has to hear, also in a cancelled task.
                if !(error is SandstormError) { await Task { try? await process.kill() }.value }
                throw error
            }
        }
        return code
    }

    private func passOutput(of process: RunningProcess, to output: ProgramOutput) async throws -> ExitCode {
        for try await event in process.events {
            switch event.body {
            case .started: break
            case .stdout(let bytes): try await output.write(bytes, to: .stdout)
            case .stderr(let bytes): try await output.write(bytes, to: .stderr)
            case .dropped(let bytes):
                try await output.end()
                Terminal.tell("\rsandstorm: \(bytes) bytes of output came too fast and are lost")
            case .exited(let status):
                try await output.end()
                return ExitCode(status.shellCode)
            case .failed(let failure):
                try await output.end()
                RawTerminal.restore()
                Terminal.tell("sandstorm: \(ProcessSession.words(for: failure))")
                return ExitCode(failure)
            }
        }
        throw SandstormError(.interrupted, "the command's events ended before the command did")
    }

    private static func passInput(to process: RunningProcess) async throws {
        // What can't be written any more, the command's own end explains: it is no failure of this program.
        do throws(SandstormError) {
            var pieces = StandardInput.Pieces()
            while let piece = (try? await pieces.next()) ?? nil { try await process.write(piece) }
            if !Task.isCancelled { try await process.closeInput() }
        } catch {}
    }

    private static func passSizes(to process: RunningProcess) async {
        await TerminalSizes.follow { try? await process.resize(columns: $0.columns, rows: $0.rows) }
    }

    private static func words(for failure: RunFailure) -> String {
        switch failure.kind {
        case .timeout: "the command was stopped at its timeout: \(failure.detail)"
        case .outOfMemory: "the sandbox was out of memory: \(failure.detail)"
        default: "the command did not come to its end: \(failure.detail)"
        }
    }
}

extension ExitCode {
    /// The exit code that tells why a command did not come to its end.
    fileprivate init(_ failure: RunFailure) {
        switch failure.kind {
        case .timeout: self = .timeout
        case .costLimit: self = .costLimit
        case .outOfMemory: self = .outOfMemory
        case .cancelled: self = .cancelled
        case .noOffer, .tooBusy, .latencyLimit, .providersFailed, .unsupported, .refused, .sandboxLost, .gatewayStopped, .internal:
            self = .sandstormFailed
        }
    }
}
