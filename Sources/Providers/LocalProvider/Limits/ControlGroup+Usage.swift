#if os(Linux)
import SandstormCore

extension ControlGroup {
    /// Adds what the kernel counts. Blocking.
    func measure(_ usage: inout SandboxUsage) {
        if isUnified {
            let statistics = (directories[.freezer] ?? directories[.cpu]).flatMap { HostFile.text("\($0)/cpu.stat") }
            usage.cpuTime = statistics.flatMap { Self.number(after: "usage_usec ", in: $0) }.map { .microseconds($0) }
            usage.memory = number(.memory, "memory.current")
            usage.peakMemory = number(.memory, "memory.peak")
            usage.memoryLimit = number(.memory, "memory.max")
        } else {
            usage.cpuTime = number(.cpuacct, "cpuacct.usage").map { .nanoseconds($0) }
            usage.memory = number(.memory, "memory.usage_in_bytes")
            usage.peakMemory = number(.memory, "memory.max_usage_in_bytes")
            usage.memoryLimit = number(.memory, "memory.limit_in_bytes")
        }
        usage.processes = number(.pids, "pids.current").map { Int(clamping: $0) }
    }

    private func number(_ controller: ControlGroups.Controller, _ file: String) -> Int64? {
        guard let directory = directories[controller], let text = HostFile.text("\(directory)/\(file)") else { return nil }
        return Self.number(after: "", in: text)
    }

    /// The number after `key` at the start of a line.
    static func number(after key: String, in text: String) -> Int64? {
        text.split(separator: "\n").first { $0.hasPrefix(key) }.flatMap { Int64($0.dropFirst(key.count)) }
    }
}
#endif
