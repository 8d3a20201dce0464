extension ExitStatus {
    /// Adds the status to an object in the form of the native API: `exitCode` or `signal`, and what was measured.
    func add(to object: inout JSONObject) {
        switch outcome {
        case .code(let code): object["exitCode"] = .integer(code)
        case .signal(let signal): object["signal"] = .string(signal.description)
        }
        object["cpuTime"] = cpuTime.map { .integer($0.wholeMilliseconds) }
        object["peakMemoryKiB"] = peakMemoryKiB.map { .integer($0) }
    }

    /// Reads what ``add(to:)`` wrote; `nil` if there is no status.
    init?(_ object: JSONObject) {
        let outcome: ExitStatus.Outcome
        if let code = object["exitCode"]?.intValue.flatMap(Int32.init(exactly:)) {
            outcome = .code(code)
        } else if let signal = object["signal"]?.stringValue.flatMap(Signal.init(named:)) {
            outcome = .signal(signal)
        } else {
            return nil
        }
        self.init(
            outcome, cpuTime: object["cpuTime"]?.intValue.map { .milliseconds($0) }, peakMemoryKiB: object["peakMemoryKiB"]?.intValue)
    }
}
