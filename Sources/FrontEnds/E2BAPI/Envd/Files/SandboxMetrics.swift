import SandstormCore
import SandstormEngine

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// `GET /metrics`: what a sandbox uses at this moment. What its place does not tell is 0.
struct SandboxMetrics: Sendable {
    /// Between the two looks from which the use of the CPU is known.
    private static let interval = Duration.milliseconds(100)

    private let usage: SandboxUsage
    private let cpuPercent: Double
    private let spec: SandboxSpec
    private let time = Date()

    /// Looks twice.
    init(of sandbox: OpenSandbox, _ engine: Engine) async throws {
        spec = sandbox.info.spec
        do throws(EngineError) {
            let first = try await engine.usage(of: sandbox.id, for: sandbox.principal)
            let begin = ContinuousClock.now
            try? await Task.sleep(for: SandboxMetrics.interval)
            usage = try await engine.usage(of: sandbox.id, for: sandbox.principal)
            let elapsed = begin.duration(to: .now)
            if let before = first.cpuTime, let after = usage.cpuTime, elapsed > .zero {
                cpuPercent = max(0, (after - before) / elapsed / max(spec.cpu, 0.001) * 100)
            } else {
                cpuPercent = 0
            }
        } catch {
            guard error.kind == .unsupported else { throw error }
            usage = SandboxUsage()
            cpuPercent = 0
        }
    }

    var json: JSONValue {
        let total = usage.memoryLimit ?? Int64(spec.memory) << 20
        let used = usage.memory ?? 0
        return [
            "ts": .integer(Int64(time.timeIntervalSince1970)), "cpu_count": .integer(Int(spec.cpu.rounded(.up))),
            "cpu_used_pct": .number(String((cpuPercent * 100).rounded() / 100)), "mem_total": .integer(total), "mem_used": .integer(used),
            "mem_cache": 0, "mem_total_mib": .integer(total >> 20), "mem_used_mib": .integer(used >> 20),
            "disk_used": .integer(usage.disk ?? 0), "disk_total": .integer(usage.diskLimit ?? Int64(spec.disk) << 30),
        ]
    }
}
