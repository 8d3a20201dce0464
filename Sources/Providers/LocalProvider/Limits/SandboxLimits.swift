import SandstormCore

/// What a sandbox may use.
struct SandboxLimits: Hashable, Sendable {
    var memoryBytes: UInt64
    var milliCPU: Int
    var processes: Int
    var diskGiB: Int

    init(_ resources: Resources, processes: Int) {
        memoryBytes = UInt64(max(0, resources.memoryMiB)) << 20
        milliCPU = max(1, resources.milliCPU)
        self.processes = processes
        diskGiB = max(1, resources.diskGiB)
    }

    var diskBytes: UInt64 { UInt64(diskGiB) << 30 }

    /// CPU time per period in microseconds. The kernel takes no quota below 1 ms, so that small shares get a longer period.
    var cpuQuota: (quota: Int, period: Int) {
        milliCPU >= 10 ? (milliCPU * 100, 100_000) : (milliCPU * 1000, 1_000_000)
    }
}
