import HTTPTypes
import SandstormCore
import SandstormEngine
import SandstormStore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Makes sandboxes from templates and brings them to where their user finds them: with what is to run in the background running.
struct SandboxMaker: Sendable {
    /// Under this attribute a front end notes that a sandbox is its own affair: nobody sees it in a list.
    static let hiddenAttribute = "e2b-internal"

    let engine: Engine
    let catalog: TemplateCatalog
    let settling: SandboxStart
    let interpreters: InterpreterHost

    init(engine: Engine, catalog: TemplateCatalog, interpreters: InterpreterHost) {
        self.engine = engine
        self.catalog = catalog
        self.interpreters = interpreters
        settling = SandboxStart(engine: engine)
    }

    func make(_ asked: NewSandbox, idempotencyKey: String?, for principal: Principal) async throws -> SandboxInfo {
        let base = try await catalog.base(asked.template, for: principal)
        var note = E2BNote()
        note.template = base.id
        note.alias = base.alias
        note.environment = base.environment.merging(asked.environment) { _, own in own }
        note.defaultUser = base.user
        note.workingDirectory = base.workingDirectory
        note.autoResume = asked.autoResume
        note.timeout = asked.timeout
        note.allowsPublicTraffic = asked.network.allowsPublicTraffic
        note.maskRequestHost = asked.network.maskRequestHost
        note.httpsPorts = asked.network.httpsPorts
        note.allowInternetAccess = asked.network.allowInternetAccess
        note.network = asked.network.json
        note.startCommand = base.startCommand
        note.readyCommand = base.readyCommand
        note.autoPauseMemory = asked.autoPauseMemory
        var request = SandboxRequest(idempotencyKey: idempotencyKey)
        request.spec = try await spec(base, asked.network.policy, for: principal)
        request.spec.timeout = .seconds(asked.timeout)
        request.spec.metadata = asked.metadata
        request.spec.environment = note.environment
        request.snapshot = base.snapshot
        request.onLeaseEnd = asked.autoPause ? .pause : .kill
        request.attributes = note.attributes
        let (sandbox, isNew) = try await create(request, for: principal)
        guard isNew else { return sandbox }
        do {
            if let id = base.record {
                try await catalog.asked { () async throws(StoreError) in
                    try await engine.templates.countSpawn(of: id, at: sandbox.createdAt)
                }
            }
            try await settling.start(sandbox.id, note, for: principal)
        } catch {
            await settling.abandon(sandbox.id, for: principal)
            throw error
        }
        if base.id == InterpreterHost.template {
            interpreters.prepare(
                OpenSandbox(id: sandbox.id, principal: principal, info: sandbox, note: note, name: E2BSandboxID.text(of: sandbox.id)))
        }
        return sandbox
    }

    /// What kind of sandbox it is to be.
    ///
    /// Sandboxes here have root and the Internet unless something else is asked for, as far as there is a place that has both.
    ///
    /// - Parameter policy: `nil` if the caller leaves it to the gateway.
    func spec(_ base: TemplateBase, _ policy: NetworkPolicy?, for principal: Principal) async throws -> SandboxSpec {
        var spec = SandboxSpec()
        spec.cpu = base.cpu
        spec.memory = base.memory
        spec.disk = base.disk
        spec.image = base.image
        var places: [ProviderCapabilities]?
        if let id = base.snapshot {
            // Made where the snapshot is, and nowhere else.
            places = engine.capabilities(of: try await engine.snapshot(id, for: principal).provider).map { [$0] }
        }
        func can(_ condition: (ProviderCapabilities) -> Bool) -> Bool {
            places.map { $0.contains(where: condition) } ?? engine.canAny(condition)
        }
        func hasRoot(_ place: ProviderCapabilities) -> Bool { place.users.contains(SandboxSpec.root) }
        if let policy {
            spec.network = policy
            spec.rootAccess = can { place in
                var asked = spec
                asked.rootAccess = true
                return hasRoot(place) && place.refusal(of: asked) == nil
            }
        } else if can({ hasRoot($0) && $0.openNetwork }) {
            (spec.rootAccess, spec.network) = (true, .open)
        } else if can(hasRoot) {
            spec.rootAccess = true
        } else if can(\.openNetwork) {
            spec.network = .open
        }
        return spec
    }

    func create(_ request: SandboxRequest, for principal: Principal) async throws -> (sandbox: SandboxInfo, isNew: Bool) {
        do throws(EngineError) {
            return try await engine.createSandbox(request, by: principal)
        } catch {
            throw E2BError.placement(error)
        }
    }
}

extension E2BError {
    /// Why there is no new sandbox.
    static func placement(_ error: EngineError) -> any Error {
        switch error.kind {
        case .noOffer, .providerFailed:
            // Every place was tried already: whoever tries again at once only waits.
            E2BError(
                .serviceUnavailable, "Failed to place sandbox: \(error.message)", code: "sandbox_capacity_unavailable",
                headers: [.shouldRetry: "false"])
        case .providerTimedOut:
            E2BError(.gatewayTimeout, "Failed to place sandbox: \(error.message)", code: "sandbox_placement_timeout")
        case .unsupported:
            E2BError(
                .serviceUnavailable, "Failed to place sandbox: \(error.message)", code: "sandbox_no_compatible_node",
                headers: [.shouldRetry: "false"])
        case .idempotencyConflict:
            E2BError(.unprocessableContent, error.message, code: "idempotency_request_mismatch", headers: [.shouldRetry: "false"])
        case .sandboxEnded, .internal:
            E2BError(.internalServerError, "Failed to place sandbox: \(error.message)", code: "sandbox_create_failed")
        default: error
        }
    }
}
