import HTTPTypes
import Hummingbird
import HummingbirdCore
import SandstormCore
import SandstormEngine
import SandstormServer

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What is done with a sandbox as a whole: its time, its pauses and its copies.
struct SandboxLifeRoutes: Sendable {
    /// The least that a refresh leaves, in seconds.
    private static let shortestRefresh = 15
    private static let longestRefresh = 3600
    /// The most copies that one request may ask for.
    private static let maximumForks = 100

    let services: E2BServices
    let start: SandboxStart
    let form: SandboxForm

    private var engine: Engine { services.engine }
    private var limit: Int { services.server.configuration.maximumBodyBytes }

    func add(to routes: RouterGroup<CallerContext>) {
        routes.post("/v2/sandboxes/:sandboxID/connect") { request, context in try await connect(request, context, .two) }
        routes.post("/sandboxes/:sandboxID/connect") { request, context in try await connect(request, context, .one) }
        routes.post("/sandboxes/:sandboxID/resume", use: resume)
        routes.post("/sandboxes/:sandboxID/pause", use: pause)
        routes.post("/sandboxes/:sandboxID/timeout", use: setTimeout)
        routes.post("/sandboxes/:sandboxID/refreshes", use: refresh)
        routes.put("/sandboxes/:sandboxID/network", use: setNetwork)
        routes.post("/sandboxes/:sandboxID/fork", use: fork)
    }

    // MARK: Waking

    private func connect(_ request: Request, _ context: CallerContext, _ version: NewSandbox.Version) async throws -> Response {
        let id = try context.sandboxID
        let (timeout, memory) = try await ControlBody.read(request, limit: limit, isOptional: version == .two) { reader throws(E2BError) in
            let timeout = try Lifetime.read(&reader)
            if timeout == nil, version == .one { reader.report("timeout", "is missing", remedy: "send seconds") }
            return (timeout ?? version.timeout, reader.bool("memory"))
        }
        let (sandbox, wasPaused) = try await client(context).whilePresent {
            try await wake(id, for: timeout, memory: memory, onLeaseEnd: nil, context.principal)
        }
        return .control(form.made(sandbox), status: wasPaused ? .created : .ok)
    }

    private func resume(_ request: Request, _ context: CallerContext) async throws -> Response {
        let id = try context.sandboxID
        let (timeout, autoPause, memory) = try await ControlBody.read(request, limit: limit, isOptional: true) { reader throws(E2BError) in
            (try Lifetime.read(&reader) ?? NewSandbox.Version.one.timeout, reader.bool("autoPause"), reader.bool("memory"))
        }
        guard try await engine.present(id, for: context.principal).state == .paused else {
            throw E2BError(.conflict, "Sandbox \(E2BSandboxID.text(of: id)) is already running")
        }
        let (sandbox, wasPaused) = try await client(context).whilePresent {
            try await wake(id, for: timeout, memory: memory, onLeaseEnd: autoPause.map { $0 ? .pause : .kill }, context.principal)
        }
        guard wasPaused else { throw E2BError(.conflict, "Sandbox \(E2BSandboxID.text(of: id)) is already running") }
        return .control(form.made(sandbox), status: .created)
    }

    /// - Parameter memory: `false` to let go of processes that were kept.
    private func wake(
        _ id: SandboxID, for seconds: Int, memory: Bool?, onLeaseEnd: LeaseEnd?, _ principal: Principal
    ) async throws -> (SandboxInfo, wasPaused: Bool) {
        let before = try await engine.present(id, for: principal)
        var note = E2BNote(before)
        let keepsMemory = note.isPausedWithMemory && memory != false
        let (sandbox, wasPaused) = try await engine.wake(id, for: .seconds(seconds), onLeaseEnd: onLeaseEnd, by: principal)
        guard wasPaused else { return (sandbox, false) }
        note.pauseMode = nil
        note.timeout = seconds
        try await engine.setAttributes(note.attributes, of: id, for: principal)
        if !keepsMemory { try await start.restart(id, sandbox, for: principal) }
        return (try await engine.present(id, for: principal), true)
    }

    // MARK: Pausing

    private func pause(_ request: Request, _ context: CallerContext) async throws -> Response {
        let id = try context.sandboxID
        let memory = try await ControlBody.read(request, limit: limit, isOptional: true) { reader in
            _ = reader.bool("requireHealthyGuest")
            return reader.bool("memory") ?? true
        }
        let before = try await engine.present(id, for: context.principal)
        do throws(EngineError) {
            _ = try await engine.suspend(id, for: context.principal)
        } catch {
            if error.kind == .conflict {
                throw E2BError(.conflict, "Error pausing sandbox - sandbox '\(E2BSandboxID.text(of: id))' is already paused")
            }
            throw error
        }
        var note = E2BNote(before)
        note.pauseMode = memory ? "full" : "filesystem"
        try await engine.setAttributes(note.attributes, of: id, for: context.principal)
        return .done
    }

    // MARK: Time

    private func setTimeout(_ request: Request, _ context: CallerContext) async throws -> Response {
        let id = try context.sandboxID
        let timeout = try await ControlBody.read(request, limit: limit) { reader throws(E2BError) in
            let timeout = try Lifetime.read(&reader, zero: true)
            if timeout == nil, reader.problems.isEmpty { reader.report("timeout", "is missing", remedy: "send seconds") }
            return timeout ?? 0
        }
        let info = try await running(id, context.principal)
        guard timeout > 0 else {
            try await engine.expire(id, by: context.principal)
            return .done
        }
        _ = try await engine.renew(id, for: .seconds(timeout), by: context.principal)
        var note = E2BNote(info)
        if note.timeout != timeout {
            note.timeout = timeout
            try await engine.setAttributes(note.attributes, of: id, for: context.principal)
        }
        return .done
    }

    private func refresh(_ request: Request, _ context: CallerContext) async throws -> Response {
        let id = try context.sandboxID
        let duration = try await ControlBody.read(request, limit: limit, isOptional: true) { reader in
            reader.integer("duration", in: 0...SandboxLifeRoutes.longestRefresh, unit: "seconds") ?? SandboxLifeRoutes.shortestRefresh
        }
        _ = try await running(id, context.principal)
        _ = try await engine.renew(
            id, for: .seconds(max(duration, SandboxLifeRoutes.shortestRefresh)), onlyLater: true, by: context.principal)
        return .done
    }

    /// A sandbox whose time runs: one that is paused is not in the running set.
    private func running(_ id: SandboxID, _ principal: Principal) async throws -> SandboxInfo {
        let info = try await engine.present(id, for: principal)
        guard info.state == .running else { throw E2BError(.notFound, "Sandbox \(E2BSandboxID.text(of: id)) is not running") }
        return info
    }

    // MARK: Network

    private func setNetwork(_ request: Request, _ context: CallerContext) async throws -> Response {
        let id = try context.sandboxID
        let choice = try await ControlBody.read(request, limit: limit, isOptional: true) { reader throws(E2BError) in
            try NetworkChoice(change: &reader)
        }
        let info = try await running(id, context.principal)
        let wanted = choice.policy ?? (engine.canAny(\.openNetwork) ? .open : .none)
        if wanted != info.spec.network {
            do throws(EngineError) {
                _ = try await engine.setNetwork(wanted, of: id, for: context.principal)
            } catch {
                guard error.kind == .unsupported else { throw error }
                throw E2BError(.notImplemented, "The network of this sandbox can't be changed so while it runs: \(error.message)")
            }
        }
        var note = E2BNote(info)
        note.allowInternetAccess = choice.allowInternetAccess
        note.network = choice.changed(note.network)
        try await engine.setAttributes(note.attributes, of: id, for: context.principal)
        return .done
    }

    // MARK: Copies

    private func fork(_ request: Request, _ context: CallerContext) async throws -> Response {
        let id = try context.sandboxID
        let (timeout, count) = try await ControlBody.read(request, limit: limit, isOptional: true) { reader throws(E2BError) in
            (
                try Lifetime.read(&reader) ?? NewSandbox.Version.one.timeout,
                reader.integer("count", in: 1...SandboxLifeRoutes.maximumForks, unit: "copies") ?? 1
            )
        }
        let source = try await engine.present(id, for: context.principal)
        guard engine.capabilities(of: source.provider)?.fork == true else {
            throw E2BError(.badRequest, "Sandboxes can't be forked where this one is (\(source.provider))")
        }
        var note = E2BNote(source)
        note.timeout = timeout
        note.pauseMode = nil
        let attributes = note.attributes
        let results = try await client(context).whilePresent {
            await withTaskGroup(of: (Int, JSONValue).self) { group in
                for index in 0..<count {
                    group.addTask { (index, await one(of: id, timeout, attributes, context.principal)) }
                }
                return await group.reduce(into: Array(repeating: JSONValue.null, count: count)) { $0[$1.0] = $1.1 }
            }
        }
        return .control(.array(results), status: .created)
    }

    private func one(of id: SandboxID, _ seconds: Int, _ attributes: JSONObject, _ principal: Principal) async -> JSONValue {
        do throws(EngineError) {
            let sandbox = try await engine.fork(id, timeout: .seconds(seconds), metadata: nil, attributes: attributes, for: principal)
            return ["sandbox": form.made(sandbox)]
        } catch {
            let refusal = E2BError.placement(error) as? E2BError ?? E2BError(Problem(error))
            return ["error": refusal.json]
        }
    }

    private func client(_ context: CallerContext) -> ClientPresence {
        services.server.connections.client(of: context.channel, patience: services.server.configuration.drainTime)
    }
}
