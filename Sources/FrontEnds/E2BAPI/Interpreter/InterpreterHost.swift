import HTTPTypes
import SandstormCore
import SandstormEngine

/// Keeps the code interpreter running in sandboxes that are asked for it: a program of ours that drives kernels and serves HTTP on a port inside.
///
/// Nothing is remembered of a sandbox but while its interpreter starts: whether one runs the engine knows, also of a sandbox that came back
/// from a snapshot without its processes, or whose interpreter was killed by the code in it.
final class InterpreterHost: Sendable {
    /// By which its process is found among the sandbox's; not one of those that users are shown.
    static let label = "sandstorm.interpreter"
    /// The template in whose sandboxes it starts at once. In others it does when it is asked for.
    static let template = "code-interpreter-v1"
    /// Where code runs that names no directory.
    private static let home = "/home/user"
    /// How long it may take until it listens. Kernels start later, with limits of their own.
    private static let startDeadline = Duration.seconds(60)
    /// What the program exits with when something listens on its port already, which may be itself.
    private static let portTaken: Int32 = 98
    /// What a shell exits with that does not find a program.
    private static let notFound: Int32 = 127

    private let engine: Engine
    /// Starts under way. They go on without who has asked: others may wait for the same one, and the next request will.
    private let starts = Locked<[SandboxID: Task<Void, any Error>]>([:])

    init(engine: Engine) { self.engine = engine }

    deinit { for task in starts.withLock({ $0.values.map(\.self) }) { task.cancel() } }

    /// Returns when the interpreter listens.
    ///
    /// - Throws: ``E2BError``: 500 with what is missing, 502 if the sandbox is gone meanwhile.
    func ensureRunning(in sandbox: OpenSandbox) async throws {
        do throws(EngineError) {
            let isStarting = starts.withLock { $0[sandbox.id] != nil }
            if !isStarting {
                let processes = try await engine.processes(in: sandbox.id, for: sandbox.principal)
                if processes.contains(where: { $0.label == InterpreterHost.label && $0.isRunning }) { return }
            }
        } catch {
            throw SandboxGate.error(error, sandbox.name)
        }
        try await start(in: sandbox).value
    }

    /// Begins to start it, so that it is there when it is asked for.
    func prepare(_ sandbox: OpenSandbox) { _ = start(in: sandbox) }

    private func start(in sandbox: OpenSandbox) -> Task<Void, any Error> {
        starts.withLock { starts in
            if let running = starts[sandbox.id] { return running }
            let task = Task { [weak self, engine] in
                defer { self?.forget(sandbox.id) }
                try await InterpreterHost.start(in: sandbox, engine)
            }
            starts[sandbox.id] = task
            return task
        }
    }

    private func forget(_ id: SandboxID) { starts.withLock { $0[id] = nil } }

    // MARK: The program

    /// The start of the program, which reads the rest from standard input.
    static let bootstrap = InterpreterPrograms.text(of: PackageResources.bootstrap_py)

    /// All other files, as one object.
    static let bundle: [UInt8] = {
        var object = JSONObject()
        for file in InterpreterPrograms.files where file.name != InterpreterPrograms.bootstrap {
            object[file.name] = .string(InterpreterPrograms.text(of: file.bytes))
        }
        return JSONValue.object(object).encodedBytes
    }()

    private static func request(_ sandbox: OpenSandbox) -> ProcessRequest {
        // The shell says what is missing by its status. Isolated, as files of the user's must not pass for modules of the program.
        let arguments = [
            "/bin/sh", "-c", "exec python3 -I -c \"$@\"", "sh", bootstrap, String(E2BAddress.interpreterPort), home,
        ]
        let command = Command(arguments, environment: sandbox.note.environment, workingDirectory: home)
        var request = ProcessRequest(command, stdin: bundle, closesInput: true, detached: true)
        request.label = label
        return request
    }

    private static func start(in sandbox: OpenSandbox, _ engine: Engine) async throws {
        let handle: SandboxProcessHandle
        do throws(EngineError) {
            handle = try await engine.startProcess(request(sandbox), in: sandbox.id, for: sandbox.principal)
        } catch {
            throw SandboxGate.error(error, sandbox.name)
        }
        let isReady = try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await awaitReadiness(handle.events, sandbox)
                return true
            }
            group.addTask {
                try await Task.sleep(for: startDeadline)
                return false
            }
            defer { group.cancelAll() }
            return try await group.next() ?? false
        }
        guard isReady else {
            try? await engine.signal(.kill, to: .group, of: handle.info.id, in: sandbox.id, for: sandbox.principal)
            throw E2BError(.internalServerError, "The code interpreter did not start within \(startDeadline)")
        }
    }

    private static func awaitReadiness(_ events: SandboxProcessEvents, _ sandbox: OpenSandbox) async throws {
        var complaint: [UInt8] = []
        for try await event in events {
            switch event.body {
            case .stdout: return
            case .stderr(let bytes): complaint = (complaint + bytes).suffix(2_000)
            case .exited(let status):
                if status.outcome == .code(portTaken) { return }
                throw E2BError(.internalServerError, reason(status, String(decoding: complaint, as: UTF8.self)))
            case .failed(let failure):
                throw failure.kind == .sandboxLost
                    ? E2BError.sandboxNotFound(sandbox.name)
                    : E2BError(.internalServerError, "The code interpreter ended: \(failure.detail)")
            case .started, .dropped: break
            }
        }
        throw CancellationError()
    }

    private static func reason(_ status: ExitStatus, _ complaint: String) -> String {
        if status.outcome == .code(notFound) {
            return "The code interpreter needs python3 in the sandbox; it comes with the package python3"
        }
        let said = complaint.isEmpty ? "" : ": \(complaint)"
        return "The code interpreter ended before it was ready (\(status))\(said)"
    }
}
