import NIOCore
package import SandstormCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Sandboxes on this machine.
///
/// Each level of isolation has a launcher: bubblewrap for `standard`, an OCI runtime for the stronger ones. A level is on offer only if a trial run
/// gave it, and never replaced by a weaker one. `docs/local-sandboxes.md` says what protects whom from what.
///
/// Linux only: elsewhere it offers nothing and says so.
package final class LocalProvider: SandboxProvider {
    /// What the names of this provider's sandboxes begin with.
    static let idPrefix = "local-"

    package let id: ProviderID = "local"
    package let capabilities: ProviderCapabilities

    #if os(Linux)
    private struct Registry {
        var living: [String: LocalSandbox] = [:]
        var beingMade = 0
    }

    let configuration: Configuration
    /// What the machine has, or why it can't make sandboxes.
    let host: Result<Host, ProviderError>
    let survey: LauncherSurvey?
    private let registry = Locked(Registry())

    /// Looks at the machine, and tries each launcher once; takes some 50 ms.
    ///
    /// It does not fail: what is missing is missing in ``capabilities`` and explained by ``diagnose()``.
    package init(configuration: Configuration) async {
        self.configuration = configuration
        let (host, survey) = await HostThreads.run {
            let host = Result { () throws(ProviderError) in try Host(configuration) }
            return (host, (try? host.get()).map(LauncherSurvey.init))
        }
        self.host = host
        self.survey = survey
        guard let host = try? host.get(), let survey else {
            capabilities = ProviderCapabilities(isolation: [], maximum: Resources(milliCPU: 0, memoryMiB: 0, diskGiB: 0))
            return
        }
        capabilities = ProviderCapabilities(
            languages: host.languages, isolation: Set(survey.launchers.keys), maximum: host.maximum,
            openNetwork: configuration.allowsNetwork, images: true, terminal: true, teardownTime: .milliseconds(200))
    }

    package func refusal(of spec: SandboxSpec) -> String? {
        if let refusal = capabilities.refusal(of: spec) { return refusal }
        if let host = try? host.get(), let obstacle = host.diskObstacle,
            spec.disk << 10 > max(spec.memory, SandboxSpec.Limits.disk.lowerBound << 10)
        {
            return
                "disk \(spec.disk) GiB: files are kept in memory here (\(obstacle)), so that disk can't be more than memory (\(spec.memory) MiB)"
        }
        return nil
    }

    package func offers(for spec: SandboxSpec) -> [Offer] {
        guard refusal(of: spec) == nil, let survey else { return [] }
        return survey.launchers.filter { $0.key >= spec.isolation }.sorted { $0.key < $1.key }.map { level, launcher in
            Offer(
                id: "\(id)/\(level.rawValue)", provider: id, resources: spec.resources, isolation: level, price: configuration.price,
                startLatency: launcher.startLatency)
        }
    }

    package func create(_ spec: SandboxSpec, on offer: Offer, tag: SandboxTag) async throws(ProviderError) -> any Sandbox {
        let host = try host.get()
        if let refusal = refusal(of: spec) { throw .unsupported(refusal) }
        guard offer.isolation >= spec.isolation, let launcher = survey?.launchers[offer.isolation] else {
            throw .unsupported("isolation \(offer.isolation.rawValue): nothing here gives it")
        }
        let limit = configuration.maximumSandboxes
        let isAdmitted = registry.withLock { registry in
            guard registry.living.count + registry.beingMade < limit else { return false }
            registry.beingMade += 1
            return true
        }
        guard isAdmitted else { throw ProviderError(.noCapacity, "this machine has its \(limit) sandboxes") }

        let id = Self.idPrefix + SandboxID.generate().rawValue.dropFirst(SandboxKind.prefix.count + 1)
        let maker = SandboxMaker(host: host, launcher: launcher, spec: spec, id: id, tag: tag)
        do throws(ProviderError) {
            let (remains, connection) = try await maker.make()
            let sandbox = LocalSandbox(remains, connection) { [weak self] in
                _ = self?.registry.withLock { $0.living.removeValue(forKey: id) }
            }
            registry.withLock { registry in
                registry.beingMade -= 1
                registry.living[id] = sandbox
            }
            return sandbox
        } catch {
            registry.withLock { $0.beingMade -= 1 }
            throw error
        }
    }

    package func attach(_ id: ProviderSandboxID) async throws(ProviderError) -> any Sandbox {
        if let sandbox = registry.withLock({ $0.living[id.rawValue] }) { return sandbox }
        let host = try host.get()
        // A name, not a path: it is looked for among those that exist.
        let journal = await HostThreads.run { host.journals().first { $0.id == id.rawValue } }
        guard let journal else { throw ProviderError(.notFound, "sandbox \(id) is gone") }
        return OrphanedSandbox(journal)
    }

    package func sandboxes(taggedBy gateway: GatewayID) async throws(ProviderError) -> [SandboxRecord] {
        let host = try host.get()
        return await HostThreads.run { host.journals().map(\.record).filter { $0.tag.gateway == gateway } }
    }

    package func probe() async throws(ProviderError) -> ProviderStatus {
        switch host {
        case .failure(let error): return ProviderStatus(isHealthy: false, detail: error.message)
        case .success:
            let levels = capabilities.isolation.sorted().map(\.rawValue).joined(separator: ", ")
            let count = registry.withLock(\.living.count)
            guard !levels.isEmpty else {
                return ProviderStatus(isHealthy: false, detail: survey?.obstacles[.standard] ?? "no launcher works")
            }
            return ProviderStatus(
                isHealthy: true, detail: "isolation: \(levels); \(count) of at most \(configuration.maximumSandboxes) sandboxes")
        }
    }
    #else
    /// Finds nothing to make sandboxes with on this system.
    package init(configuration: Configuration) async {
        capabilities = ProviderCapabilities(isolation: [], maximum: Resources(milliCPU: 0, memoryMiB: 0, diskGiB: 0))
    }

    private static let unavailable = ProviderError(.unsupported, "local sandboxes need Linux")

    package func offers(for spec: SandboxSpec) -> [Offer] { [] }

    package func create(_ spec: SandboxSpec, on offer: Offer, tag: SandboxTag) async throws(ProviderError) -> any Sandbox {
        throw Self.unavailable
    }

    package func attach(_ id: ProviderSandboxID) async throws(ProviderError) -> any Sandbox {
        throw ProviderError(.notFound, "sandbox \(id) is gone")
    }

    package func sandboxes(taggedBy gateway: GatewayID) async throws(ProviderError) -> [SandboxRecord] { [] }

    package func probe() async throws(ProviderError) -> ProviderStatus {
        ProviderStatus(isHealthy: false, detail: Self.unavailable.message)
    }
    #endif
}
