import HummingbirdCore
import NIOCore
import SandstormCore
import SandstormEngine
import SandstormWire

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// `process.Process`: commands and terminals in one sandbox.
struct ProcessService: Sendable {
    /// How long after its end a process can be joined, to hear of its end.
    private static let afterlife: TimeInterval = 30

    let engine: Engine

    // MARK: Streams

    /// Starts a process, which goes on when the caller leaves. The call's deadline is the process's.
    func start(_ message: ProtobufJSON, _ deadline: Deadline, _ call: ConnectCall) async throws -> ConnectMessages {
        let sandbox = call.sandbox
        let user = try await EnvdUser(named: EnvdUser.name(in: call.request.headers), in: sandbox, engine)
        let request = try ProcessMessages.start(message, as: user, note: sandbox.note, timeout: deadline.timeout)
        let handle = try await engine.startProcess(request, in: sandbox.id, for: sandbox.principal)
        return messages(of: handle.info, handle.events, in: sandbox, onTimeout: Deadline.exceeded)
    }

    /// Joins a process, as it goes on from here. The caller's deadline is no concern of the process.
    func connect(_ message: ProtobufJSON, _ deadline: Deadline, _ call: ConnectCall) async throws -> ConnectMessages {
        let process = try await process(message, in: call.sandbox, evenEnded: true)
        let events = try await engine.newProcessEvents(process.id, in: call.sandbox.id, for: call.sandbox.principal)
        let begin = ProcessMessages.started(process.pid)
        let messages = messages(of: process, events, in: call.sandbox, beginning: begin)
        return ConnectMessages { try await deadline.limit { try await messages.next() } }
    }

    /// - Parameter onTimeout: what a caller is told whose process was killed at the end of its time; `nil` for what others are.
    private func messages(
        of process: SandboxProcessInfo, _ events: SandboxProcessEvents, in sandbox: OpenSandbox, beginning: ByteBuffer? = nil,
        onTimeout: ConnectError? = nil
    ) -> ConnectMessages {
        let beginning = Locked(beginning)
        let isOver = Locked(false)
        return ConnectMessages {
            if let beginning = beginning.withLock({ $0.take() }) { return beginning }
            if isOver.withLock({ $0 }) { return nil }
            var iterator = events.makeAsyncIterator()
            while let event = try await iterator.next(isolation: nil) {
                if event.isLast { isOver.withLock { $0 = true } }
                switch event.body {
                case .started(let info): return ProcessMessages.started(info.pid)
                case .stdout(let bytes): return ProcessMessages.output(bytes, isError: false, hasTerminal: process.hasTerminal)
                case .stderr(let bytes): return ProcessMessages.output(bytes, isError: true, hasTerminal: process.hasTerminal)
                // There is no way to say it.
                case .dropped: continue
                case .exited(let status): return ProcessMessages.ended(status)
                case .failed(let failure):
                    guard await isKill(failure, sandbox) else { throw ConnectError(.unavailable, failure.detail) }
                    if failure.kind == .timeout, let error = onTimeout { throw error }
                    return ProcessMessages.ended(ExitStatus(.signal(.kill)), isOutOfMemory: failure.kind == .outOfMemory)
                }
            }
            throw ConnectError(.unavailable, "what the process does is not seen any more")
        }
    }

    /// Whether the process was killed in a sandbox that lives on.
    private func isKill(_ failure: RunFailure, _ sandbox: OpenSandbox) async -> Bool {
        switch failure.kind {
        case .outOfMemory: return true
        case .timeout:
            // A sandbox whose time has ended takes its processes along.
            do throws(EngineError) {
                _ = try await engine.files(of: sandbox.id, for: sandbox.principal)
                return true
            } catch {
                return error.kind != .sandboxEnded
            }
        default: return false
        }
    }

    // MARK: Single messages

    func list(in sandbox: OpenSandbox) async throws -> JSONValue {
        let processes = try await engine.processes(in: sandbox.id, for: sandbox.principal)
        let shown = processes.filter { $0.isRunning && $0.label != InterpreterHost.label }
        return ProcessMessages.list(shown, note: sandbox.note)
    }

    func sendInput(_ message: ProtobufJSON, in sandbox: OpenSandbox) async throws -> JSONValue {
        try await write(ProcessMessages.input(message), to: process(message, in: sandbox), in: sandbox)
        return [:]
    }

    private func write(_ input: ProcessMessages.Input, to process: SandboxProcessInfo, in sandbox: OpenSandbox) async throws {
        let bytes: [UInt8]
        switch input {
        case .pipe(let pipe):
            guard !process.hasTerminal else { throw ConnectError(.invalidArgument, "the process has a terminal: send pty, not stdin") }
            bytes = pipe
        case .terminal(let terminal):
            guard process.hasTerminal else { throw ConnectError(.invalidArgument, "the process has no terminal: send stdin, not pty") }
            bytes = terminal
        }
        try await engine.write(ByteBuffer(bytes: bytes), to: process.id, in: sandbox.id, for: sandbox.principal)
    }

    /// Takes the messages of a stream as they come: the process first, then its input.
    func inputStream(in sandbox: OpenSandbox) -> @Sendable (ProtobufJSON) async throws -> Void {
        let known = Locked<SandboxProcessInfo?>(nil)
        return { message in
            if let start = try message.message("start") {
                let process = try await self.process(start, in: sandbox)
                known.withLock { $0 = process }
            } else if let data = try message.message("data") {
                guard let process = known.withLock({ $0 }) else {
                    throw ConnectError(.invalidArgument, "the first message must name the process")
                }
                try await self.write(ProcessMessages.input(data), to: process, in: sandbox)
            }
        }
    }

    func closeInput(_ message: ProtobufJSON, in sandbox: OpenSandbox) async throws -> JSONValue {
        let process = try await process(message, in: sandbox)
        guard !process.hasTerminal else {
            throw ConnectError(.invalidArgument, "the process has a terminal, whose input has no end: send Ctrl-D")
        }
        try await engine.closeInput(of: process.id, in: sandbox.id, for: sandbox.principal)
        return [:]
    }

    func sendSignal(_ message: ProtobufJSON, in sandbox: OpenSandbox) async throws -> JSONValue {
        let signal = try ProcessMessages.signal(message)
        let process = try await process(message, in: sandbox)
        try await engine.signal(signal, to: .process, of: process.id, in: sandbox.id, for: sandbox.principal)
        return [:]
    }

    func update(_ message: ProtobufJSON, in sandbox: OpenSandbox) async throws -> JSONValue {
        let process = try await process(message, in: sandbox)
        guard let terminal = try message.message("pty") else { return [:] }
        guard process.hasTerminal else { throw ConnectError(.invalidArgument, "the process has no terminal") }
        try await engine.resize(ProcessMessages.size(terminal), of: process.id, in: sandbox.id, for: sandbox.principal)
        return [:]
    }

    /// The process that a message names.
    ///
    /// - Throws: ``ConnectError`` with `not_found`, also for one that has ended, unless that was lately and is no matter.
    private func process(
        _ message: ProtobufJSON, in sandbox: OpenSandbox, evenEnded: Bool = false
    ) async throws -> SandboxProcessInfo {
        let selector = try ProcessMessages.selector(message)
        let process = try await engine.process(selector, in: sandbox.id, for: sandbox.principal)
        let isKnown = process.isRunning || evenEnded && (process.endedAt?.timeIntervalSinceNow ?? -.infinity) > -ProcessService.afterlife
        guard isKnown else { throw ConnectError(.notFound, "there is no process with \(selector)") }
        return process
    }
}
