import NIOCore
import SandstormCore
import SandstormWire

/// What an unsuccessful answer of the control plane means: section 7.1 of the dialect, row by row.
enum ControlFailure {
    static func error(_ answer: VendorAnswer, on call: ControlCall) -> ProviderError {
        let json = answer.json
        let message = json?["message"]?.stringValue ?? ""
        let code = json?["error_code"]?.stringValue ?? ""
        var error = classified(answer.status, message, code, isJSON: json?["code"] != nil || json?["message"] != nil, on: call)
        error.vendorStatus = answer.status
        error.vendorDetail = [code, message.isEmpty ? text(answer) : message].filter { !$0.isEmpty }.joined(separator: ": ")
        if error.retryAfter == nil { error.retryAfter = answer.retryAfter }
        if !call.makesSandbox { error.mayHaveTakenEffect = false }
        return error
    }

    private static func classified(
        _ status: Int, _ message: String, _ code: String, isJSON: Bool, on call: ControlCall
    ) -> ProviderError {
        switch code {
        case "idempotency_in_progress":
            return ProviderError(.unavailable, "E2B is still at work on the same request", mayHaveTakenEffect: true)
        case "idempotency_outcome_unknown":
            return ProviderError(.unavailable, "E2B does not know what became of the request", mayHaveTakenEffect: true)
        case "idempotency_request_mismatch":
            return ProviderError(.invalid, "E2B has seen another request under the same key")
        case "sandbox_create_refused": return ProviderError(.invalid, "E2B refuses to make a sandbox from this template")
        case "sandbox_snapshot_guest_agent_unresponsive":
            return ProviderError(.invalid, "the sandbox's agent does not answer, so its memory can't be kept")
        case "snapshot_filesystem_only_disabled", "snapshot_filesystem_only_unsupported_node":
            return .unsupported("a snapshot of the files alone")
        case "sandbox_capacity_unavailable", "sandbox_no_compatible_node":
            return ProviderError(.noCapacity, "E2B has no machine left for it")
        case "sandbox_placement_timeout":
            return ProviderError(.noCapacity, "E2B found no machine for it in time", mayHaveTakenEffect: true)
        default: break
        }
        let lowered = message.lowercased()
        switch status {
        case 400: return badRequest(lowered)
        case 401: return ProviderError(.unauthenticated, "E2B does not accept the API key")
        case 402: return ProviderError(.outOfCredit, "E2B wants to be paid first")
        case 403:
            if ["billing", "credit", "payment"].contains(where: lowered.contains) {
                return ProviderError(.outOfCredit, "E2B has blocked the account for its money")
            }
            return ProviderError(.forbidden, "E2B does not allow it to this account")
        case 404: return missing(call)
        case 409: return ProviderError(.unavailable, "the sandbox is being changed at this moment", mayHaveTakenEffect: true)
        case 422: return ProviderError(.invalid, "E2B can't make sense of the request")
        case 429:
            if lowered.contains("maximum number of concurrent") {
                return ProviderError(.quotaExceeded, "the account has as many sandboxes as it may")
            }
            return ProviderError(.rateLimited, "E2B wants fewer calls")
        case 500 where code == "sandbox_create_failed": return ProviderError(.unavailable, "E2B failed to make the sandbox")
        case 503:
            // Without the vendor's own words it is the answer of something before it, which may have passed the request on.
            guard isJSON, call.makesSandbox else {
                return ProviderError(.unavailable, "E2B can't do it now", mayHaveTakenEffect: !isJSON)
            }
            return ProviderError(.noCapacity, "E2B has no machine left for it")
        case 504: return ProviderError(.timedOut, "E2B did not get it done in time", mayHaveTakenEffect: true)
        case 500...: return ProviderError(.unavailable, "E2B failed", mayHaveTakenEffect: true)
        case 400...: return ProviderError(.invalid, "E2B refuses the request")
        default: return garbage(on: call)
        }
    }

    /// A success that is not told as the dialect has it, or no answer of the dialect at all: what happened is not known.
    static func garbage(on call: ControlCall) -> ProviderError {
        ProviderError(.unavailable, "E2B's answer makes no sense", mayHaveTakenEffect: call.makesSandbox)
    }

    /// No answer.
    static func error(_ failure: VendorFailure, on call: ControlCall) -> ProviderError {
        let mayHave = failure.mayHaveArrived && call.makesSandbox
        switch failure.kind {
        case .timedOut: return ProviderError(.timedOut, "E2B did not answer in time", mayHaveTakenEffect: mayHave)
        case .cancelled: return ProviderError(.interrupted, "the caller has gone", mayHaveTakenEffect: mayHave)
        case .source(let error): return error
        case .unreachable, .lost, .garbage, .tooLong:
            return ProviderError(.unavailable, "E2B can't be reached: \(failure.words)", mayHaveTakenEffect: mayHave)
        }
    }

    /// Most are the caller's mistake. What another place, or a larger plan, would do is not.
    private static func badRequest(_ message: String) -> ProviderError {
        let isTime = message.contains("timeout") && (message.contains("greater") || message.contains("hours") || message.contains("exceed"))
        if isTime || message.contains("max instance length") {
            return .unsupported("sandboxes of this account may not live so long")
        }
        if message.contains("not enabled") || message.contains("not supported") || message.contains("not available") {
            return .unsupported("something that this account does not have")
        }
        return ProviderError(.invalid, "E2B refuses the request")
    }

    private static func missing(_ call: ControlCall) -> ProviderError {
        switch call {
        case .create(callersTemplate: true): ProviderError(.invalid, "E2B has no such template")
        // The account's own settings name it, or it was removed behind our back.
        case .create(callersTemplate: false): .unsupported("the account's template is not there")
        case .createFromSnapshot: ProviderError(.invalid, "there is no such snapshot")
        case .template: ProviderError(.invalid, "E2B has no such template or image")
        case .sandbox, .snapshot: ProviderError(.notFound, "the sandbox is gone")
        case .list: ProviderError(.unavailable, "what answers does not know the routes of E2B")
        }
    }

    /// The beginning of a body that is not the dialect's, for debugging.
    private static func text(_ answer: VendorAnswer) -> String {
        String(
            String(buffer: answer.body.getSlice(at: answer.body.readerIndex, length: min(answer.body.readableBytes, 300)) ?? answer.body))
    }
}
