public import SandstormCore

/// Living sandboxes.
extension Sandstorm {
    /// Makes a sandbox, and returns once commands can be started in it. It lives until its lease ends: `spec.timeout` from now, unless
    /// it is renewed or killed. One of the embedded engine ends with it.
    ///
    /// - Throws: ``SandstormError``. A task that is cancelled meanwhile leaves no sandbox.
    public func createSandbox(_ request: SandboxRequest = SandboxRequest()) async throws(SandstormError) -> LivingSandbox {
        do {
            _ = try request.spec.validated(at: "/spec", for: .sandbox)
        } catch {
            throw SandstormError(error)
        }
        return LivingSandbox(id: try await backend.createSandbox(request).id, backend: backend)
    }

    /// Makes a sandbox, does something in it, and kills it in any case: also if that throws, and if the task is cancelled.
    public func withSandbox<Value>(
        _ request: SandboxRequest = SandboxRequest(), isolation: isolated (any Actor)? = #isolation,
        _ work: (LivingSandbox) async throws -> Value
    ) async throws -> Value {
        let sandbox = try await createSandbox(request)
        do {
            let value = try await work(sandbox)
            try await Sandstorm.end(sandbox)
            return value
        } catch {
            // What went wrong first is what the caller has to hear; a sandbox that could not be killed ends with its lease.
            try? await Sandstorm.end(sandbox)
            throw error
        }
    }

    /// Kills a sandbox, also in a cancelled task.
    private static func end(_ sandbox: LivingSandbox) async throws(SandstormError) {
        let killing = Task { () async -> Result<Void, SandstormError> in
            do throws(SandstormError) {
                try await sandbox.kill()
                return .success(())
            } catch {
                return .failure(error)
            }
        }
        try await killing.value.get()
    }

    /// A sandbox that somebody made. Nothing is asked: whether it is there is found out by the first call to it.
    public func sandbox(_ id: SandboxID) -> LivingSandbox { LivingSandbox(id: id, backend: backend) }

    /// Sandboxes, newest first.
    ///
    /// - Parameters:
    ///   - states: only sandboxes in one of these; all if empty.
    ///   - metadata: only sandboxes with all of these labels.
    ///   - before: only sandboxes older than this one: the last of the page before.
    ///   - limit: 1 … 200.
    public func sandboxes(
        in states: Set<SandboxState> = [], metadata: [String: String] = [:], before: SandboxID? = nil, limit: Int = 50
    ) async throws(SandstormError) -> [SandboxInfo] {
        try Sandstorm.check(limit: limit, of: "sandboxes")
        return try await backend.sandboxes(SandboxPage(states: states, metadata: metadata, before: before, limit: limit))
    }

    /// A snapshot.
    public func snapshot(_ id: SnapshotID) async throws(SandstormError) -> SnapshotInfo { try await backend.snapshot(id) }

    /// Snapshots, newest first.
    ///
    /// - Parameters:
    ///   - sandbox: only those of this sandbox.
    ///   - before: only snapshots older than this one: the last of the page before.
    ///   - limit: 1 … 200.
    public func snapshots(
        of sandbox: SandboxID? = nil, before: SnapshotID? = nil, limit: Int = 50
    ) async throws(SandstormError) -> [SnapshotInfo] {
        try Sandstorm.check(limit: limit, of: "snapshots")
        return try await backend.snapshots(SnapshotPage(sandbox: sandbox, before: before, limit: limit))
    }

    /// Removes a snapshot; sandboxes made from it live on.
    public func deleteSnapshot(_ id: SnapshotID) async throws(SandstormError) { try await backend.deleteSnapshot(id) }

    /// What a sandbox like `spec` would cost for `duration` at every place that can have it, cheapest first.
    ///
    /// - Parameter scope: whether to tell also what is known of places that there is no account at.
    public func prices(
        of spec: SandboxSpec = SandboxSpec(), for duration: Duration, scope: PriceScope = .market
    ) async throws(SandstormError) -> [PriceInfo] {
        do {
            _ = try spec.validated(at: "/spec", for: .sandbox)
        } catch {
            throw SandstormError(error)
        }
        guard duration > .zero, duration <= .seconds(31 * 86_400) else {
            throw SandstormError(InvalidRequest("/duration", "is out of range", remedy: "give 1 ms to 31 days"))
        }
        return try await backend.prices(of: spec, for: duration, scope)
    }

    private static func check(limit: Int, of things: String) throws(SandstormError) {
        guard (1...200).contains(limit) else {
            throw SandstormError(InvalidRequest("/limit", "is out of range", remedy: "ask for 1 to 200 \(things)"))
        }
    }
}
