import SandstormCore
import SandstormEngine
import SandstormStore

extension EmbeddedEngine {
    func createSandbox(_ request: SandboxRequest) async throws(SandstormError) -> SandboxInfo {
        let engine = try await engine()
        return try await asked { () async throws(EngineError) in try await engine.createSandbox(request, by: .local).sandbox }
    }

    func sandbox(_ id: SandboxID) async throws(SandstormError) -> SandboxInfo {
        let engine = try await engine()
        return try await asked { () async throws(EngineError) in try await engine.sandbox(id, for: .local) }
    }

    func sandboxes(_ page: SandboxPage) async throws(SandstormError) -> [SandboxInfo] {
        let engine = try await engine()
        var query = SandboxQuery()
        query.states = page.states
        query.metadata = page.metadata
        query.before = page.before
        query.limit = page.limit
        return try await asked { [query] () async throws(EngineError) in try await engine.sandboxes(query, for: .local) }
    }

    func renew(_ id: SandboxID, for duration: Duration) async throws(SandstormError) -> SandboxInfo {
        let engine = try await engine()
        return try await asked { () async throws(EngineError) in try await engine.renew(id, for: duration, by: .local) }
    }

    func pause(_ id: SandboxID) async throws(SandstormError) -> SandboxInfo {
        let engine = try await engine()
        return try await asked { () async throws(EngineError) in try await engine.pause(id, for: .local) }
    }

    func resume(_ id: SandboxID) async throws(SandstormError) -> SandboxInfo {
        let engine = try await engine()
        return try await asked { () async throws(EngineError) in try await engine.resume(id, for: .local) }
    }

    func fork(_ id: SandboxID, timeout: Duration?, metadata: [String: String]?) async throws(SandstormError) -> SandboxInfo {
        let engine = try await engine()
        return try await asked { () async throws(EngineError) in
            try await engine.fork(id, timeout: timeout, metadata: metadata, for: .local)
        }
    }

    func kill(_ id: SandboxID) async throws(SandstormError) -> SandboxInfo {
        let engine = try await engine()
        return try await asked { () async throws(EngineError) in try await engine.kill(id, for: .local) }
    }

    func usage(of id: SandboxID) async throws(SandstormError) -> SandboxUsage {
        let engine = try await engine()
        return try await asked { () async throws(EngineError) in try await engine.usage(of: id, for: .local) }
    }

    func endpoint(of id: SandboxID, port: Int) async throws(SandstormError) -> SandboxEndpoint {
        let engine = try await engine()
        return try await asked { () async throws(EngineError) in try await engine.endpoint(of: id, port: port, for: .local) }
    }

    // MARK: Snapshots and prices

    func snapshot(_ id: SandboxID, kind: SnapshotKind, name: String?) async throws(SandstormError) -> SnapshotInfo {
        let engine = try await engine()
        return try await asked { () async throws(EngineError) in try await engine.snapshot(id, kind: kind, name: name, for: .local) }
    }

    func snapshot(_ id: SnapshotID) async throws(SandstormError) -> SnapshotInfo {
        let engine = try await engine()
        return try await asked { () async throws(EngineError) in try await engine.snapshot(id, for: .local) }
    }

    func snapshots(_ page: SnapshotPage) async throws(SandstormError) -> [SnapshotInfo] {
        let engine = try await engine()
        var query = SnapshotQuery()
        query.sandbox = page.sandbox
        query.before = page.before
        query.limit = page.limit
        return try await asked { [query] () async throws(EngineError) in try await engine.snapshots(query, for: .local) }
    }

    func deleteSnapshot(_ id: SnapshotID) async throws(SandstormError) {
        let engine = try await engine()
        try await asked { () async throws(EngineError) in try await engine.deleteSnapshot(id, for: .local) }
    }

    func prices(of spec: SandboxSpec, for duration: Duration, _ scope: PriceScope) async throws(SandstormError) -> [PriceInfo] {
        await (try engine()).prices(of: spec, for: duration, scope: scope).map { PriceInfo(json: $0.json) }
    }

    // MARK: Processes

    func start(
        _ request: ProcessRequest, in sandbox: SandboxID
    ) async throws(SandstormError) -> (SandboxProcessInfo, any ProcessLink) {
        let engine = try await engine()
        let handle = try await asked { () async throws(EngineError) in
            try await engine.startProcess(request, in: sandbox, for: .local)
        }
        let process = EmbeddedProcess(
            handle.info.id, in: sandbox, engine: engine, events: handle.events, isOwned: !request.detached, isFollowing: true)
        return (handle.info, process)
    }

    func processes(in sandbox: SandboxID) async throws(SandstormError) -> [SandboxProcessInfo] {
        let engine = try await engine()
        return try await asked { () async throws(EngineError) in try await engine.processes(in: sandbox, for: .local) }
    }

    func process(_ id: ProcessID, in sandbox: SandboxID) async throws(SandstormError) -> SandboxProcessInfo {
        let engine = try await engine()
        return try await asked { () async throws(EngineError) in try await engine.process(id, in: sandbox, for: .local) }
    }

    func link(
        to id: ProcessID, in sandbox: SandboxID, after sequence: Int, following: Bool
    ) async throws(SandstormError) -> any ProcessLink {
        let engine = try await engine()
        let events = try await asked { () async throws(EngineError) in
            try await engine.processEvents(id, in: sandbox, after: sequence, following: following, for: .local)
        }
        return EmbeddedProcess(id, in: sandbox, engine: engine, events: events, isOwned: false, isFollowing: following)
    }

    nonisolated func files(of sandbox: SandboxID) -> any FileLink { EmbeddedFiles(sandbox: sandbox, engine: engine) }
}
