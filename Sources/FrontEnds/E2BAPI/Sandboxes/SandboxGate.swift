import SandstormCore
import SandstormEngine

/// What opens a sandbox to whoever shows it; see ``Engine/sandboxToken(_:for:)``.
enum E2BToken {
    /// envd and the code interpreter: `envdAccessToken`.
    static let envd = "e2b.envd"
    /// Other ports of a sandbox that is not public: `trafficAccessToken`.
    static let traffic = "e2b.traffic"
}

/// A sandbox that runs, on whose ports something is to be asked.
struct OpenSandbox: Sendable {
    let id: SandboxID
    /// On whose behalf calls are made that show a token or need none.
    let principal: Principal
    let info: SandboxInfo
    let note: E2BNote
    /// As the client wrote it.
    let name: String
}

/// Finds the sandbox that a request to one of its ports is for. One that is paused is woken if it was made so.
struct SandboxGate: Sendable {
    /// The shortest time for which a sandbox is woken by a request, in seconds.
    private static let shortestLife = 300

    let engine: Engine

    /// - Parameter name: the sandbox as the client wrote it.
    /// - Throws: ``E2BError``: 502 for one that is not there or not to be woken, 409 while it is being made.
    func open(_ name: String) async throws -> OpenSandbox {
        guard let id = E2BSandboxID.parse(name) else { throw E2BError.sandboxNotFound(name) }
        do throws(EngineError) {
            let principal = try await engine.holder(of: id)
            var info = try await engine.sandbox(id, for: principal)
            let note = E2BNote(info)
            if info.state == .paused, note.autoResume {
                info = try await engine.wake(id, for: .seconds(max(note.timeout, SandboxGate.shortestLife)), by: principal).sandbox
            }
            switch info.state {
            case .running: return OpenSandbox(id: id, principal: principal, info: info, note: note, name: name)
            case .creating: throw EngineError(.conflict, "sandbox \(id) is being made")
            case .paused, .ended: throw EngineError(.sandboxEnded, "sandbox \(id) does not run")
            }
        } catch {
            throw SandboxGate.error(error, name)
        }
    }

    /// What the engine said of a sandbox, as the vendor's proxy says it where it has words for it.
    static func error(_ error: EngineError, _ name: String) -> any Error {
        switch error.kind {
        case .notFound, .sandboxEnded: E2BError.sandboxNotFound(name)
        case .conflict: E2BError.sandboxInTransition(name)
        default: error
        }
    }
}
