#if canImport(FoundationEssentials)
public import FoundationEssentials
#else
public import Foundation
#endif

/// How far a living sandbox has come.
public enum SandboxState: String, CaseIterable, Hashable, Sendable {
    /// It is being made.
    case creating
    /// Processes can be started.
    case running
    /// Its processes are frozen.
    case paused
    /// It is gone: killed, past its lease, or lost.
    case ended
}

/// A living sandbox as it stands.
public struct SandboxInfo: Hashable, Sendable {
    /// The name by which all front ends find it again.
    public var id: SandboxID
    /// The run under which its life is journaled and billed.
    public var run: RunID
    /// How far it has come.
    public var state: SandboxState
    /// What it was asked to be, without its files.
    public var spec: SandboxSpec
    /// Where it is; ``ProviderID/none`` until that is known.
    public var provider = ProviderID.none
    /// The region it is in, where the place has a notion of one.
    public var region: String?
    /// When the gateway took it on.
    public var createdAt: Date
    /// Until when it lives unless the lease is renewed.
    public var leaseUntil: Date
    /// What becomes of it when its lease ends.
    public var onLeaseEnd = LeaseEnd.kill
    /// Since when it is paused with its lease stopped; ``leaseUntil`` is then how long it is kept. `nil` while its lease runs.
    public var keptSince: Date?
    /// When it was gone.
    public var endedAt: Date?
    /// Why it ended, unless somebody asked for that.
    public var failure: RunFailure?
    /// What it costs so far; final once it has ended.
    public var cost = Money.zero
    /// The snapshot it was made from.
    public var snapshot: SnapshotID?
    /// The sandbox it was forked from.
    public var parent: SandboxID?
    /// What front ends noted down about it for themselves, each under a name of its own. Not a part of ``json``.
    public var attributes: JSONObject = [:]

    /// A sandbox about which nothing else is known so far.
    public init(id: SandboxID, run: RunID, state: SandboxState, spec: SandboxSpec, createdAt: Date, leaseUntil: Date) {
        self.id = id
        self.run = run
        self.state = state
        self.spec = spec
        self.createdAt = createdAt
        self.leaseUntil = leaseUntil
    }
}

extension SandboxInfo {
    /// The sandbox in the form of the native API.
    public var json: JSONValue {
        var object: JSONObject = [
            "id": .string(id.rawValue), "runId": .string(run.rawValue), "state": .string(state.rawValue),
            "createdAt": .string(createdAt.rfc3339), "leaseUntil": .string(leaseUntil.rfc3339),
        ]
        object["endedAt"] = endedAt.map { .string($0.rfc3339) }
        if provider != .none { object["provider"] = .string(provider.rawValue) }
        object["region"] = region.map(JSONValue.string)
        object["isolation"] = .string(spec.isolation.rawValue)
        object["cpu"] = .number("\(spec.cpu)")
        object["memory"] = .integer(spec.memory)
        object["disk"] = .integer(spec.disk)
        if let gpu = spec.gpu { object["gpu"] = ["type": .string(gpu.type), "count": .integer(gpu.count)] }
        object["network"] = spec.network.json
        object["image"] = spec.image.map(JSONValue.string)
        object["metadata"] = spec.metadata.json
        object["cost"] = .string(cost.decimal)
        object["snapshotId"] = snapshot.map { .string($0.rawValue) }
        object["parentId"] = parent.map { .string($0.rawValue) }
        if let failure {
            object["error"] = [
                "type": .string(failure.kind.rawValue), "detail": .string(failure.detail), "retryable": .bool(failure.isRetryable),
            ]
        }
        return .object(object)
    }

    /// Reads a sandbox in the form of the native API; `nil` if it is none.
    public init?(json: JSONValue) {
        guard let object = json.objectValue, let id = object["id"]?.stringValue.flatMap({ SandboxID($0) }),
            let run = object["runId"]?.stringValue.flatMap({ RunID($0) }),
            let state = object["state"]?.stringValue.flatMap(SandboxState.init)
        else { return nil }
        func date(_ key: String) -> Date? { object[key]?.stringValue.flatMap(Date.init(rfc3339:)) }
        var spec = SandboxSpec()
        spec.isolation = object["isolation"]?.stringValue.flatMap(IsolationLevel.init) ?? .standard
        spec.cpu = object["cpu"]?.doubleValue ?? spec.cpu
        spec.memory = object["memory"]?.intValue ?? spec.memory
        spec.disk = object["disk"]?.intValue ?? spec.disk
        spec.gpu = object["gpu"].flatMap { gpu in
            gpu["type"]?.stringValue.map { GPURequest(type: $0, count: gpu["count"]?.intValue ?? 1) }
        }
        spec.network = object["network"].flatMap(NetworkPolicy.init(json:)) ?? .none
        spec.image = object["image"]?.stringValue
        for member in object["metadata"]?.objectValue?.members ?? [] { spec.metadata[member.key] = member.value.stringValue }
        self.init(
            id: id, run: run, state: state, spec: spec, createdAt: date("createdAt") ?? .distantPast,
            leaseUntil: date("leaseUntil") ?? .distantPast)
        provider = object["provider"]?.stringValue.map { ProviderID($0) } ?? .none
        region = object["region"]?.stringValue
        endedAt = date("endedAt")
        cost = object["cost"]?.stringValue.flatMap { Money($0) } ?? .zero
        snapshot = object["snapshotId"]?.stringValue.flatMap { SnapshotID($0) }
        parent = object["parentId"]?.stringValue.flatMap { SandboxID($0) }
        if let error = object["error"] {
            failure = RunFailure(
                error["type"]?.stringValue.flatMap(RunFailure.Kind.init) ?? .internal, error["detail"]?.stringValue ?? "")
        }
    }
}

extension SandboxUsage {
    /// The usage in the form of the native API: `cpuTime` in milliseconds, the rest in bytes and counts.
    public var json: JSONValue {
        var object = JSONObject()
        object["cpuTime"] = cpuTime.map { .integer($0.wholeMilliseconds) }
        object["memory"] = memory.map { .integer($0) }
        object["peakMemory"] = peakMemory.map { .integer($0) }
        object["memoryLimit"] = memoryLimit.map { .integer($0) }
        object["disk"] = disk.map { .integer($0) }
        object["diskLimit"] = diskLimit.map { .integer($0) }
        object["processes"] = processes.map { .integer($0) }
        return .object(object)
    }

    /// Reads a usage in the form of the native API.
    public init(json: JSONValue) {
        self.init()
        func number(_ key: String) -> Int64? { json[key]?.intValue.map(Int64.init) }
        cpuTime = number("cpuTime").map { .milliseconds($0) }
        memory = number("memory")
        peakMemory = number("peakMemory")
        memoryLimit = number("memoryLimit")
        disk = number("disk")
        diskLimit = number("diskLimit")
        processes = json["processes"]?.intValue
    }
}
