import SandstormCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What a sandbox used at one moment.
struct UsageSample: Hashable, Sendable {
    var time: Date
    var usage: SandboxUsage
    /// Of all its CPUs, since the sample before.
    var cpuPercent: Double
}

/// What sandboxes used over time: a bounded number of samples of each, which lie further apart the longer it lives.
final class UsageHistory: Sendable {
    /// The most samples of one sandbox.
    static let capacity = 512

    private struct Line {
        var samples: [UsageSample] = []
        /// Every how many samples one is kept.
        var stride = 1
        var seen = 0
    }

    private let lines = Locked<[SandboxID: Line]>([:])

    /// Adds what a sandbox uses now.
    ///
    /// - Parameter isAsked: somebody waits for it, so that it is kept whatever the distance is.
    func add(_ usage: SandboxUsage, of sandbox: SandboxInfo, at time: Date = Date(), isAsked: Bool = false) {
        lines.withLock { lines in
            var line = lines[sandbox.id] ?? Line()
            let sample = UsageSample(
                time: time, usage: usage, cpuPercent: UsageHistory.percent(usage, time, after: line.samples.last, sandbox))
            line.seen += 1
            if isAsked || line.seen % line.stride == 0 { line.samples.append(sample) }
            if line.samples.count > UsageHistory.capacity {
                line.samples = line.samples.enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
                line.stride *= 2
            }
            lines[sandbox.id] = line
        }
    }

    /// The samples of a sandbox, oldest first.
    func samples(of sandbox: SandboxID) -> [UsageSample] { lines.withLock { $0[sandbox]?.samples ?? [] } }

    /// Forgets all sandboxes but these.
    func keep(_ sandboxes: Set<SandboxID>) { lines.withLock { $0 = $0.filter { sandboxes.contains($0.key) } } }

    private static func percent(_ usage: SandboxUsage, _ time: Date, after last: UsageSample?, _ sandbox: SandboxInfo) -> Double {
        // The first sample tells of the life so far.
        let earlier = last?.usage.cpuTime ?? .zero
        let elapsed = time.timeIntervalSince(last?.time ?? sandbox.createdAt)
        guard let cpu = usage.cpuTime, elapsed > 0, cpu >= earlier else { return 0 }
        let share = (cpu - earlier).inSeconds / elapsed / max(sandbox.spec.cpu, 0.001)
        return min(100, max(0, (share * 10_000).rounded() / 100))
    }
}
