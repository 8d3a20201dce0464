#if canImport(FoundationEssentials)
public import FoundationEssentials
#else
public import Foundation
#endif

/// A run as it stands: while it is on its way, and after it is settled.
public struct RunResult: Hashable, Sendable {
    /// The name by which all front ends find the run again.
    public var id: RunID
    /// How far the run has come; final states come shortly before ``isSettled``.
    public var state: RunState
    /// Final and billed: nothing about it changes any more.
    public var isSettled = false
    /// When the gateway took the run on.
    public var createdAt: Date
    /// Where the code ran, or is running; ``ProviderID/none`` for a run that came to no place.
    public var provider = ProviderID.none
    /// Sandstorm's own name for the sandbox at ``provider``; `nil` until there is one.
    public var sandbox: SandboxID?
    /// The exit code, if the code ended by itself.
    public var exitCode: Int32?
    /// The signal that ended the code.
    public var signal: Signal?
    /// Standard output up to the limit; see ``truncated``.
    public var stdoutBytes: [UInt8] = []
    /// Standard error up to the limit; see ``truncated``.
    public var stderrBytes: [UInt8] = []
    /// Output beyond the limit was dropped from here (a stream has all of it).
    public var truncated = false
    /// From the code's start to its end.
    public var duration: Duration?
    /// From the request's arrival to the first byte of output.
    public var timeToFirstOutput: Duration?
    /// What the run costs; final once settled.
    public var cost: Money = .zero
    /// Why it ran where it did; `nil` if that was not recorded.
    public var decision: Decision?
    /// Why the code did not come to its end.
    public var failure: RunFailure?
    /// The spec's own labels.
    public var metadata: [String: String] = [:]

    /// A run without cost, outcome or place so far.
    public init(id: RunID, state: RunState, createdAt: Date) {
        self.id = id
        self.state = state
        self.createdAt = createdAt
    }

    /// Standard output as text; bytes that are not UTF-8 are shown as U+FFFD.
    public var stdout: String { String(decoding: stdoutBytes, as: UTF8.self) }
    /// Standard error as text; bytes that are not UTF-8 are shown as U+FFFD.
    public var stderr: String { String(decoding: stderrBytes, as: UTF8.self) }
}

extension RunResult {
    /// The run in the form of the native API.
    ///
    /// - Parameter includingOutput: whether `stdout` and `stderr` are among the members.
    public func json(includingOutput: Bool = true) -> JSONValue {
        var object: JSONObject = ["id": .string(id.rawValue), "state": .string(state.rawValue), "settled": .bool(isSettled)]
        object["createdAt"] = .string(createdAt.rfc3339)
        if provider != .none { object["provider"] = .string(provider.rawValue) }
        object["sandboxId"] = sandbox.map { .string($0.rawValue) }
        object["exitCode"] = exitCode.map { .integer($0) }
        object["signal"] = signal.map { .string($0.description) }
        if includingOutput {
            object.setBytes(stdoutBytes, "stdout")
            object.setBytes(stderrBytes, "stderr")
            object["truncated"] = .bool(truncated)
        }
        object["duration"] = duration.map { .integer($0.wholeMilliseconds) }
        object["timeToFirstOutput"] = timeToFirstOutput.map { .integer($0.wholeMilliseconds) }
        object["cost"] = .string(cost.decimal)
        if let failure {
            object["error"] = [
                "type": .string(failure.kind.rawValue), "detail": .string(failure.detail), "retryable": .bool(failure.isRetryable),
            ]
        }
        if !metadata.isEmpty { object["metadata"] = metadata.json }
        object["decision"] = decision?.json
        return .object(object)
    }

    /// Reads a run in the form of the native API; `nil` if it is none.
    public init?(json: JSONValue) {
        guard let object = json.objectValue, let id = object["id"]?.stringValue.flatMap({ RunID($0) }),
            let state = object["state"]?.stringValue.flatMap(RunState.init)
        else { return nil }
        self.init(id: id, state: state, createdAt: object["createdAt"]?.stringValue.flatMap(Date.init(rfc3339:)) ?? .distantPast)
        isSettled = object["settled"]?.boolValue ?? false
        provider = object["provider"]?.stringValue.map { ProviderID($0) } ?? .none
        sandbox = object["sandboxId"]?.stringValue.flatMap { SandboxID($0) }
        exitCode = object["exitCode"]?.intValue.flatMap(Int32.init(exactly:))
        signal = object["signal"]?.stringValue.flatMap(Signal.init(named:))
        stdoutBytes = object.bytes("stdout") ?? []
        stderrBytes = object.bytes("stderr") ?? []
        truncated = object["truncated"]?.boolValue ?? false
        duration = object["duration"]?.intValue.map { .milliseconds($0) }
        timeToFirstOutput = object["timeToFirstOutput"]?.intValue.map { .milliseconds($0) }
        cost = object["cost"]?.stringValue.flatMap { Money($0) } ?? .zero
        if let error = object["error"] {
            failure = RunFailure(
                error["type"]?.stringValue.flatMap(RunFailure.Kind.init) ?? .internal, error["detail"]?.stringValue ?? "")
        }
        for member in object["metadata"]?.objectValue?.members ?? [] { metadata[member.key] = member.value.stringValue }
        decision = object["decision"].map(Decision.init(json:))
    }
}
