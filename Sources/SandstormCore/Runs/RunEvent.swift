#if canImport(FoundationEssentials)
public import FoundationEssentials
#else
public import Foundation
#endif

/// Something that happened to a run. Numbered from 1 without gaps, so that a reader can go on where it was cut off.
public struct RunEvent: Hashable, Sendable {
    /// What happened.
    public enum Body: Hashable, Sendable {
        /// The run is journaled.
        case accepted(RunID)
        /// Where it may run.
        case decision(Decision)
        /// Every place that can run it is full: it waits for one, behind so many others.
        case queued(reason: String, ahead: Int)
        /// A place was tried and failed. What follows shows whether the run goes on elsewhere.
        case attemptFailed(attempt: Int, provider: ProviderID, code: ProviderError.Code, detail: String)
        /// The first place is late: a second sandbox was asked for. `started` shows which of them was ready first.
        case hedged(attempt: Int, provider: ProviderID)
        /// The code started.
        case started(provider: ProviderID, sandbox: SandboxID, attempt: Int)
        /// Output. Never cut inside a UTF-8 character as long as the output is UTF-8.
        case stdout([UInt8])
        case stderr([UInt8])
        /// The code ended.
        case exited(ExitStatus)
        /// The run is final and billed. The last event. Without the outputs.
        case settled(RunResult)
    }

    /// The event's place in its run, from 1; a reader that was cut off asks for what follows it.
    public var sequence: Int
    /// When the gateway noted it, by its own clock.
    public var time: Date
    /// The kind of event with what belongs to it.
    public var body: Body

    /// Takes the number as given; that there are no gaps is up to the caller.
    public init(sequence: Int, time: Date, body: Body) {
        self.sequence = sequence
        self.time = time
        self.body = body
    }
}

extension RunEvent {
    /// The event's name in a server-sent event stream.
    public var name: String {
        switch body {
        case .accepted: "accepted"
        case .decision: "decision"
        case .queued: "queued"
        case .attemptFailed: "attemptFailed"
        case .hedged: "hedged"
        case .started: "started"
        case .stdout: "stdout"
        case .stderr: "stderr"
        case .exited: "exited"
        case .settled: "settled"
        }
    }

    /// The event's data in the form of the native API.
    public var data: JSONValue {
        var object = JSONObject()
        switch body {
        case .accepted(let id): object["id"] = .string(id.rawValue)
        case .decision(let decision): object["decision"] = decision.json
        case .queued(let reason, let ahead):
            object["reason"] = .string(reason)
            object["ahead"] = .integer(ahead)
        case .attemptFailed(let attempt, let provider, let code, let detail):
            object["attempt"] = .integer(attempt)
            object["provider"] = .string(provider.rawValue)
            object["code"] = .string(code.rawValue)
            object["detail"] = .string(detail)
        case .hedged(let attempt, let provider):
            object["attempt"] = .integer(attempt)
            object["provider"] = .string(provider.rawValue)
        case .started(let provider, let sandbox, let attempt):
            object["provider"] = .string(provider.rawValue)
            object["sandboxId"] = .string(sandbox.rawValue)
            object["attempt"] = .integer(attempt)
        case .stdout(let bytes), .stderr(let bytes): object.setBytes(bytes, "data")
        case .exited(let status): status.add(to: &object)
        case .settled(let result): return result.json(includingOutput: false)
        }
        object["time"] = .string(time.rfc3339)
        return .object(object)
    }

    /// Reads an event of a stream; `nil` for a name or a form that this version does not know.
    public init?(sequence: Int, name: String, data: JSONValue) {
        guard let object = data.objectValue else { return nil }
        let body: Body? =
            switch name {
            case "accepted": object["id"]?.stringValue.flatMap { RunID($0) }.map(Body.accepted)
            case "decision": object["decision"].map { .decision(Decision(json: $0)) }
            case "queued": .queued(reason: object["reason"]?.stringValue ?? "", ahead: object["ahead"]?.intValue ?? 0)
            case "attemptFailed": RunEvent.attemptFailed(object)
            case "hedged":
                .hedged(attempt: object["attempt"]?.intValue ?? 2, provider: ProviderID(object["provider"]?.stringValue ?? ""))
            case "started": RunEvent.started(object)
            case "stdout": object.bytes("data").map(Body.stdout)
            case "stderr": object.bytes("data").map(Body.stderr)
            case "exited": ExitStatus(object).map(Body.exited)
            case "settled": RunResult(json: data).map(Body.settled)
            default: nil
            }
        guard let body else { return nil }
        self.init(sequence: sequence, time: object["time"]?.stringValue.flatMap(Date.init(rfc3339:)) ?? Date(), body: body)
    }

    private static func attemptFailed(_ object: JSONObject) -> Body? {
        guard let code = object["code"]?.stringValue.flatMap(ProviderError.Code.init) else { return nil }
        return .attemptFailed(
            attempt: object["attempt"]?.intValue ?? 1, provider: ProviderID(object["provider"]?.stringValue ?? ""), code: code,
            detail: object["detail"]?.stringValue ?? "")
    }

    private static func started(_ object: JSONObject) -> Body? {
        guard let provider = object["provider"]?.stringValue, let sandbox = object["sandboxId"]?.stringValue.flatMap({ SandboxID($0) })
        else { return nil }
        return .started(provider: ProviderID(provider), sandbox: sandbox, attempt: object["attempt"]?.intValue ?? 1)
    }
}
