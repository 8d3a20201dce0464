import Crypto
import SandstormCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A template from which a sandbox for a spec can be made: one that exists, or one to be made to measure.
struct TemplatePlan: Hashable, Sendable {
    enum Source: Hashable, Sendable {
        /// Exists, by the operator's word or the caller's.
        case ready(String)
        /// One like another, with resources of its own.
        case sized(String)
        /// What the spec's `image` names: a template, or an image of a registry.
        case image(String)
    }

    var source: Source
    /// What its sandboxes get.
    var milliCPU: Int
    var memoryMiB: Int
    /// The caller named it, so that it is the caller's mistake if it is not there.
    var isCallers = false

    var isReady: Bool { if case .ready = source { true } else { false } }

    /// For an offer's id.
    var label: String {
        switch source {
        case .ready(let name): name
        case .sized: "\(milliCPU / 1000)x\(memoryMiB)"
        case .image(let name): "\(name)@\(milliCPU / 1000)x\(memoryMiB)"
        }
    }

    /// Under which a template that was made to measure is found again, by every gateway on the account: it says all that it is made of.
    var name: String {
        let made: JSONValue
        switch source {
        case .ready(let name): return name
        case .sized(let name): made = ["template": .string(name), "cpu": .integer(milliCPU), "memory": .integer(memoryMiB)]
        case .image(let name): made = ["image": .string(name), "cpu": .integer(milliCPU), "memory": .integer(memoryMiB)]
        }
        let digest = SHA256.hash(data: Data(made.canonicalBytes)).prefix(12)
        return "sandstorm-" + digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// The ways to make a sandbox for `spec` at `account`, whichever is ready first.
    static func plans(for spec: SandboxSpec, at account: E2BAccount) -> [TemplatePlan] {
        // Whole vCPUs, and an even number of MiB.
        let cpu = (spec.resources.milliCPU + 999) / 1000 * 1000
        let memory = max(account.limits.leastMemory, (spec.memory + 1) / 2 * 2)
        let fits = cpu <= account.limits.cpu * 1000 && memory <= account.limits.memory
        if let named = CreateBody.options(spec)?["templateID"]?.stringValue {
            return [TemplatePlan(source: .ready(named), milliCPU: cpu, memoryMiB: memory, isCallers: true)]
        }
        if let image = spec.image {
            return fits ? [TemplatePlan(source: .image(image), milliCPU: cpu, memoryMiB: memory, isCallers: true)] : []
        }
        let ready = account.templates.filter { $0.milliCPU >= cpu && $0.memoryMiB >= memory }
            .min { ($0.milliCPU, $0.memoryMiB) < ($1.milliCPU, $1.memoryMiB) }
        var plans = ready.map { [TemplatePlan(source: .ready($0.name), milliCPU: $0.milliCPU, memoryMiB: $0.memoryMiB)] } ?? []
        let isExact = ready?.milliCPU == cpu && ready?.memoryMiB == memory
        if account.has(.templateBuilds), fits, !isExact, let base = account.templates.first {
            plans.append(TemplatePlan(source: .sized(base.name), milliCPU: cpu, memoryMiB: memory))
        }
        return plans
    }
}
