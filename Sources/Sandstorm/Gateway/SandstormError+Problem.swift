import SandstormCore

extension SandstormError {
    /// An answer that is no success: an RFC 9457 problem document, or whatever else stood in the body.
    init(status: Int, body: [UInt8], requestID: String?, gateway: GatewayAddress) {
        let json = try? JSONValue(parsing: body)
        let type = json?["type"]?.stringValue ?? ""
        let kind = Kind(problem: type, status: status)
        let message: String
        if let detail = json?["detail"]?.stringValue ?? json?["title"]?.stringValue {
            message = kind == .unauthenticated ? detail + "; set SANDSTORM_API_KEY or pass a key" : detail
        } else if (300..<400).contains(status) {
            message = "\(gateway) answers with a redirect (\(status)); use the address that it leads to"
        } else {
            message = "\(gateway) answers with status \(status)"
        }
        let problems = (json?["errors"]?.arrayValue ?? []).map { error in
            FieldProblem(
                pointer: error["pointer"]?.stringValue ?? "", detail: error["detail"]?.stringValue ?? "",
                remedy: error["remedy"]?.stringValue ?? "")
        }
        self.init(
            kind, message, problems: problems, decision: json?["decision"].map(Decision.init(json:)), status: status,
            requestID: json?["requestId"]?.stringValue ?? requestID, isRetryable: json?["retryable"]?.boolValue)
    }
}

extension SandstormError.Kind {
    /// The one table from what a gateway answers to what a caller acts on: by the problem's type, else by the status.
    fileprivate init(problem type: String, status: Int) {
        let name = type.split(separator: ":").last.map { $0.lowercased().filter { $0 != "-" && $0 != "_" } } ?? ""
        self =
            switch (name, status) {
            case ("nooffer", _): .noOffer
            case ("conflict", _): .conflict
            case ("sandboxended", _), (_, 410): .sandboxEnded
            case ("filenotfound", _): .fileNotFound
            case ("diskfull", _), (_, 507): .diskFull
            case ("unsupported", _): .unsupported
            case ("providerfailed", _): .providerFailed
            case ("idempotencyconflict", _), (_, 409): .idempotencyConflict
            case ("toobusy", _), (_, 429): .tooBusy
            case ("storeunavailable", _), ("shuttingdown", _), ("notready", _), (_, 502), (_, 503): .unavailable
            case ("unauthenticated", _), (_, 401): .unauthenticated
            case (_, 403): .forbidden
            case ("notfound", _): .notFound
            // Without a problem document there is some other server at this address.
            case ("", 404), ("", 405), ("unknownroute", _), ("methodnotallowed", _): .badAnswer
            case (_, 404): .notFound
            case ("providertimedout", _), (_, 408), (_, 504): .timedOut
            case ("", 200..<400): .badAnswer
            case (_, 400..<500): .invalidRequest
            default: .internal
            }
    }
}
