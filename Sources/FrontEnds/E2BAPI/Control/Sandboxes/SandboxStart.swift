import HTTPTypes
import NIOCore
import SandstormCore
import SandstormEngine

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What happens in a sandbox between its making and its use: its start command runs, and its ready command says that it may be used.
struct SandboxStart: Sendable {
    /// How long a sandbox may take until it is ready. SDKs give up a request after a minute.
    static let patience = Duration.seconds(45)
    private static let pause = Duration.milliseconds(100)
    /// The label of the start command's process.
    static let label = "sandstorm-start"

    let engine: Engine

    /// Runs the start command in the background, and waits until the ready command succeeds.
    ///
    /// - Throws: ``E2BError`` if that does not happen in time.
    func start(_ id: SandboxID, _ note: E2BNote, for principal: Principal) async throws {
        if let line = note.startCommand {
            var request = ProcessRequest(command(line, note))
            request.detached = true
            request.closesInput = true
            request.label = SandboxStart.label
            _ = try await engine.startProcess(request, in: id, for: principal)
        }
        guard let line = note.readyCommand else { return }
        let end = ContinuousClock.now + SandboxStart.patience
        while true {
            let (status, output) = try await run(line, note, within: end - .now, in: id, for: principal)
            if status == .code(0) { return }
            guard ContinuousClock.now < end else {
                throw E2BError(
                    .internalServerError, "the sandbox was not ready within \(SandboxStart.patience): \(output.suffix(512))",
                    code: "sandbox_create_failed")
            }
            try await Task.sleep(for: SandboxStart.pause)
        }
    }

    /// Runs a line for the shell to its end.
    ///
    /// - Parameter said: hears of output as it comes.
    /// - Returns: how it ended, `nil` if it was ended or lost, and the end of what it said.
    func run(
        _ line: String, _ note: E2BNote, within limit: Duration, in id: SandboxID, for principal: Principal,
        said: @Sendable (_ bytes: [UInt8], _ isError: Bool) async throws -> Void = { _, _ in }
    ) async throws -> (ExitStatus.Outcome?, String) {
        var request = ProcessRequest(command(line, note))
        request.closesInput = true
        request.timeout = max(.milliseconds(1), min(limit, .seconds(86_400)))
        let process = try await engine.startProcess(request, in: id, for: principal)
        var tail: [UInt8] = []
        for try await event in process.events {
            switch event.body {
            case .stdout(let bytes), .stderr(let bytes):
                tail += bytes
                if tail.count > 8192 { tail.removeFirst(tail.count - 4096) }
                if case .stderr = event.body { try await said(bytes, true) } else { try await said(bytes, false) }
            case .exited(let status): return (status.outcome, String(decoding: tail, as: UTF8.self))
            case .failed(let failure): return (nil, failure.detail)
            case .started, .dropped: continue
            }
        }
        return (nil, String(decoding: tail, as: UTF8.self))
    }

    /// A line for the login shell of the sandbox's user, as the vendor starts it.
    func command(_ line: String, _ note: E2BNote) -> Command {
        let isRoot = note.defaultUser == SandboxSpec.root
        let home = isRoot ? "/root" : "/home/\(note.defaultUser)"
        // Some images have no bash.
        let choice = "if [ -x /bin/bash ]; then exec /bin/bash -l -c \"$0\"; else exec /bin/sh -l -c \"$0\"; fi"
        return Command(
            ["/bin/sh", "-c", choice, line], environment: note.environment, workingDirectory: note.workingDirectory ?? home,
            user: note.defaultUser == "user" ? nil : note.defaultUser)
    }

    /// Ends every process, and begins anew: what a sandbox does whose files were kept, but not its memory.
    func restart(_ id: SandboxID, _ info: SandboxInfo, for principal: Principal) async throws {
        let note = E2BNote(info)
        var killer = note
        killer.workingDirectory = "/"
        if info.spec.rootAccess { killer.defaultUser = SandboxSpec.root }
        // The sandbox's first process is not asked, nor is the one that asks.
        _ = try await run("kill -KILL -1", killer, within: .seconds(10), in: id, for: principal)
        try await start(id, note, for: principal)
    }

    /// Ends a sandbox that nobody will hear of.
    func abandon(_ id: SandboxID, for principal: Principal) async {
        // A task of its own, since the caller's may be cancelled; awaited here.
        await Task { _ = try? await engine.kill(id, for: principal) }.value
    }
}
