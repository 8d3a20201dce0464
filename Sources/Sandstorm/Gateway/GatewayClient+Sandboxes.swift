import NIOCore
import NIOHTTP1
import SandstormCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension GatewayCall {
    /// For what makes, copies or ends a sandbox, which takes its time.
    fileprivate static let workTime = TimeAmount.minutes(10)
}

extension GatewayClient {
    func createSandbox(_ request: SandboxRequest) async throws(SandstormError) -> SandboxInfo {
        // With a key the call is safe to repeat.
        let key = request.idempotencyKey ?? "sdk-\(AttemptID.generate())"
        return try await sandbox(
            from: GatewayCall(
                method: .POST, path: "/v1/sandboxes", body: request.json, idempotencyKey: key, patience: GatewayCall.workTime))
    }

    func sandbox(_ id: SandboxID) async throws(SandstormError) -> SandboxInfo { try await sandbox(from: GatewayCall(path: path(id))) }

    func sandboxes(_ page: SandboxPage) async throws(SandstormError) -> [SandboxInfo] {
        var call = GatewayCall(path: "/v1/sandboxes", query: [("limit", String(page.limit))])
        if !page.states.isEmpty { call.query.append(("state", page.states.map(\.rawValue).sorted().joined(separator: ","))) }
        for (name, value) in page.metadata.sorted(by: { $0.key < $1.key }) { call.query.append(("metadata.\(name)", value)) }
        if let before = page.before { call.query.append(("before", before.rawValue)) }
        guard let sandboxes = try await json(call)["sandboxes"]?.arrayValue else { throw try garbage("a list of sandboxes") }
        return sandboxes.compactMap(SandboxInfo.init(json:))
    }

    func renew(_ id: SandboxID, for duration: Duration) async throws(SandstormError) -> SandboxInfo {
        try await sandbox(
            from: GatewayCall(method: .PATCH, path: path(id), body: ["timeout": .integer(duration.wholeMilliseconds)]))
    }

    func pause(_ id: SandboxID) async throws(SandstormError) -> SandboxInfo {
        try await sandbox(from: GatewayCall(method: .POST, path: path(id) + "/pause", patience: GatewayCall.workTime))
    }

    func resume(_ id: SandboxID) async throws(SandstormError) -> SandboxInfo {
        try await sandbox(from: GatewayCall(method: .POST, path: path(id) + "/resume", patience: GatewayCall.workTime))
    }

    func fork(_ id: SandboxID, timeout: Duration?, metadata: [String: String]?) async throws(SandstormError) -> SandboxInfo {
        var body = JSONObject()
        body["timeout"] = timeout.map { .integer($0.wholeMilliseconds) }
        body["metadata"] = metadata?.json
        return try await sandbox(
            from: GatewayCall(
                method: .POST, path: path(id) + "/fork", body: .object(body), isRepeatable: false, patience: GatewayCall.workTime))
    }

    func kill(_ id: SandboxID) async throws(SandstormError) -> SandboxInfo {
        try await sandbox(from: GatewayCall(method: .DELETE, path: path(id), patience: GatewayCall.workTime))
    }

    func usage(of id: SandboxID) async throws(SandstormError) -> SandboxUsage {
        SandboxUsage(json: try await json(GatewayCall(path: path(id) + "/usage")))
    }

    func endpoint(of id: SandboxID, port: Int) async throws(SandstormError) -> SandboxEndpoint {
        let (text, headers) = try entry(path(id) + "/ports/\(port)/")
        guard let url = URL(string: text) else { throw SandstormError(.configuration, "the gateway's address is not a URL") }
        return SandboxEndpoint(url: url, headers: headers)
    }

    // MARK: Snapshots and prices

    func snapshot(_ id: SandboxID, kind: SnapshotKind, name: String?) async throws(SandstormError) -> SnapshotInfo {
        var body: JSONObject = ["kind": .string(kind.rawValue)]
        body["name"] = name.map(JSONValue.string)
        return try await snapshot(
            from: GatewayCall(
                method: .POST, path: path(id) + "/snapshots", body: .object(body), isRepeatable: false, patience: GatewayCall.workTime))
    }

    func snapshot(_ id: SnapshotID) async throws(SandstormError) -> SnapshotInfo {
        try await snapshot(from: GatewayCall(path: "/v1/snapshots/\(id)"))
    }

    func snapshots(_ page: SnapshotPage) async throws(SandstormError) -> [SnapshotInfo] {
        var call = GatewayCall(path: "/v1/snapshots", query: [("limit", String(page.limit))])
        if let sandbox = page.sandbox { call.query.append(("sandboxId", sandbox.rawValue)) }
        if let before = page.before { call.query.append(("before", before.rawValue)) }
        guard let snapshots = try await json(call)["snapshots"]?.arrayValue else { throw try garbage("a list of snapshots") }
        return snapshots.compactMap(SnapshotInfo.init(json:))
    }

    func deleteSnapshot(_ id: SnapshotID) async throws(SandstormError) {
        // Not repeated: a second call would find nothing, and say so.
        try await done(
            GatewayCall(method: .DELETE, path: "/v1/snapshots/\(id)", isRepeatable: false, patience: GatewayCall.workTime))
    }

    func prices(of spec: SandboxSpec, for duration: Duration, _ scope: PriceScope) async throws(SandstormError) -> [PriceInfo] {
        var call = GatewayCall(
            path: "/v1/prices",
            query: [
                ("cpu", "\(spec.cpu)"), ("memory", String(spec.memory)), ("disk", String(spec.disk)),
                ("isolation", spec.isolation.rawValue), ("duration", String(duration.wholeMilliseconds)),
            ])
        // What is the default is left out, for gateways that know no other.
        if scope != .market { call.query.append(("scope", scope.rawValue)) }
        if let region = spec.region { call.query.append(("region", region)) }
        if let gpu = spec.gpu { call.query.append(("gpu", gpu.type)) }
        if spec.network == .open { call.query.append(("network", "open")) }
        guard let prices = try await json(call)["prices"]?.arrayValue else { throw try garbage("a list of prices") }
        return prices.map(PriceInfo.init(json:))
    }

    // MARK: Processes

    func start(
        _ request: ProcessRequest, in sandbox: SandboxID
    ) async throws(SandstormError) -> (SandboxProcessInfo, any ProcessLink) {
        if request.detached {
            // Not followed from the start, so that it need not be read: whoever wants its events asks for them.
            let info = try await process(
                from: GatewayCall(
                    method: .POST, path: path(sandbox) + "/processes", body: request.json, isRepeatable: false,
                    patience: GatewayCall.workTime))
            return (info, link(info.id, in: sandbox, after: 0, following: true))
        }
        let process = GatewayProcess(.submission(request), in: sandbox, client: self)
        return (try await process.start(), process)
    }

    func processes(in sandbox: SandboxID) async throws(SandstormError) -> [SandboxProcessInfo] {
        guard let processes = try await json(GatewayCall(path: path(sandbox) + "/processes"))["processes"]?.arrayValue else {
            throw try garbage("a list of processes")
        }
        return processes.compactMap(SandboxProcessInfo.init(json:))
    }

    func process(_ id: ProcessID, in sandbox: SandboxID) async throws(SandstormError) -> SandboxProcessInfo {
        try await process(from: GatewayCall(path: path(sandbox) + "/processes/\(id)"))
    }

    func link(
        to id: ProcessID, in sandbox: SandboxID, after sequence: Int, following: Bool
    ) async throws(SandstormError) -> any ProcessLink { link(id, in: sandbox, after: sequence, following: following) }

    private func link(_ id: ProcessID, in sandbox: SandboxID, after sequence: Int, following: Bool) -> any ProcessLink {
        GatewayProcess(.process(id, after: sequence, following: following), in: sandbox, client: self)
    }

    func files(of sandbox: SandboxID) -> any FileLink { GatewayFiles(sandbox: sandbox, client: self) }

    // MARK: Answers

    private func path(_ id: SandboxID) -> String { "/v1/sandboxes/\(id)" }

    private func sandbox(from call: GatewayCall) async throws(SandstormError) -> SandboxInfo {
        guard let sandbox = SandboxInfo(json: try await json(call)) else { throw try garbage("a sandbox") }
        return sandbox
    }

    private func snapshot(from call: GatewayCall) async throws(SandstormError) -> SnapshotInfo {
        guard let snapshot = SnapshotInfo(json: try await json(call)) else { throw try garbage("a snapshot") }
        return snapshot
    }

    private func process(from call: GatewayCall) async throws(SandstormError) -> SandboxProcessInfo {
        guard let process = SandboxProcessInfo(json: try await json(call)) else { throw try garbage("a process") }
        return process
    }
}
