import NIOCore
package import SandstormCore

#if canImport(Glibc)
import Glibc
#endif

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
            openNetwork: configuration.allowsNetwork && (configuration.sharesHostNetwork || host.translator != nil),
            networkAllowList: host.translator != nil, networkDenyList: host.translator != nil, networkChange: host.translator != nil,
            images: true, pause: host.freezeObstacle == nil,
            snapshot: host.copyObstacle == nil ? [.filesystem] : [], fork: host.copyObstacle == nil, ports: true, terminal: true,
            usage: host.usageObstacle == nil, watch: true,
            users: survey.root.launcher == nil || survey.launchers[.standard] == nil ? [] : [SandboxSpec.root],
            teardownTime: .milliseconds(200))
    }

    package func refusal(of spec: SandboxSpec) -> String? {
        if spec.network != .none, let host = try? host.get() {
            if let obstacle = host.networkObstacle { return "network: none that keeps sandboxes from the machine's: \(obstacle)" }
            if let translator = host.translator {
                do throws(ProviderError) {
                    _ = try translator.routes(spec.network)
                } catch {
                    return error.message
                }
            }
        }
        if spec.rootAccess, let obstacle = survey?.root.obstacle { return "root access: \(obstacle)" }
        if spec.rootAccess, spec.isolation > .standard {
            return "root access: at isolation standard only; would fit with isolation standard or no root access"
        }
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
        let launchers = spec.rootAccess ? survey.launchers.filter { $0.key == .standard } : survey.launchers
        return launchers.filter { $0.key >= spec.isolation && canConnect($0.value, spec) }.sorted { $0.key < $1.key }.map {
            level, launcher in
            Offer(
                id: "\(id)/\(level.rawValue)", provider: id, resources: spec.resources, isolation: level, price: configuration.price,
                startLatency: launcher.startLatency)
        }
    }

    /// Whether a launcher can give what the spec wants of the network.
    private func canConnect(_ launcher: any Launcher, _ spec: SandboxSpec) -> Bool {
        spec.network == .none || configuration.sharesHostNetwork || launcher.joinsNetworks
    }

    package func create(_ spec: SandboxSpec, on offer: Offer, tag: SandboxTag) async throws(ProviderError) -> any Sandbox {
        try await make(spec, by: try launcher(for: spec, on: offer), from: nil, tag: tag)
    }

    package func create(
        _ spec: SandboxSpec, from snapshot: ProviderSnapshot, on offer: Offer, tag: SandboxTag
    ) async throws(ProviderError) -> any Sandbox {
        let host = try host.get()
        if let obstacle = host.copyObstacle { throw .unsupported("snapshot: \(obstacle)") }
        guard snapshot.kind == .filesystem, let (kept, disk) = await HostThreads.run({ host.snapshots.find(snapshot.id) }) else {
            throw ProviderError(.invalid, "there is no snapshot \(snapshot.id) here")
        }
        var spec = spec
        guard spec.image == nil || spec.image == kept.image else {
            throw ProviderError(.invalid, "image \(spec.image ?? ""): the snapshot is of a sandbox with \(kept.image ?? "no image")")
        }
        spec.image = kept.image
        guard spec.rootAccess == kept.rootAccess else {
            let (asked, there) = spec.rootAccess ? ("root access", "without") : ("no root access", "with root access")
            throw ProviderError(.invalid, "\(asked): the snapshot is of a sandbox \(there)")
        }
        guard spec.disk >= kept.diskGiB else {
            throw ProviderError(.invalid, "disk \(spec.disk) GiB: the snapshot is of a disk of \(kept.diskGiB) GiB, which can't shrink")
        }
        let origin = DiskOrigin(diskGiB: kept.diskGiB, owner: kept.owner) { (path) async throws(ProviderError) in
            try await DiskCopying.run(to: path) { isCancelled in
                try host.checkSpace(forCopyOf: disk)
                do throws(SystemError) {
                    try DiskImage.copy(disk, to: path, unless: isCancelled)
                } catch {
                    guard error.code == ENOENT else { throw error }
                    throw ProviderError(.invalid, "snapshot \(snapshot.id) was deleted")
                }
            }
        }
        return try await make(spec, by: try launcher(for: spec, on: offer), from: origin, tag: tag)
    }

    package func delete(_ snapshot: ProviderSnapshot) async throws(ProviderError) {
        let host = try host.get()
        do throws(SystemError) {
            try await HostThreads.run { Result { () throws(SystemError) in try host.snapshots.delete(snapshot.id) } }.get()
        } catch {
            throw error.providerError("the snapshot can't be deleted")
        }
    }

    private func launcher(for spec: SandboxSpec, on offer: Offer) throws(ProviderError) -> any Launcher {
        _ = try host.get()
        if let refusal = refusal(of: spec) { throw .unsupported(refusal) }
        guard offer.isolation >= spec.isolation, let launcher = survey?.launchers[offer.isolation] else {
            throw .unsupported("isolation \(offer.isolation.rawValue): nothing here gives it")
        }
        if spec.rootAccess {
            guard offer.isolation == .standard, let launcher = survey?.root.launcher else {
                throw .unsupported("root access: at isolation standard only")
            }
            return launcher
        }
        guard canConnect(launcher, spec) else { throw .unsupported("network: \(launcher.name) can't keep a sandbox from the machine's") }
        return launcher
    }

    /// Makes a sandbox if there may be one more.
    ///
    /// - Parameter origin: what its disk starts as; nil for empty.
    func make(
        _ spec: SandboxSpec, by launcher: any Launcher, from origin: DiskOrigin?, tag: SandboxTag
    ) async throws(ProviderError) -> any Sandbox {
        let host = try host.get()
        let limit = configuration.maximumSandboxes
        let isAdmitted = registry.withLock { registry in
            guard registry.living.count + registry.beingMade < limit else { return false }
            registry.beingMade += 1
            return true
        }
        guard isAdmitted else { throw ProviderError(.noCapacity, "this machine has its \(limit) sandboxes") }

        let id = Self.idPrefix + SandboxID.generate().rawValue.dropFirst(SandboxKind.prefix.count + 1)
        var maker = SandboxMaker(host: host, launcher: launcher, spec: spec, id: id, tag: tag, origin: origin)
        do throws(ProviderError) {
            let made = try await maker.make()
            // What it began as is another's.
            maker.origin = nil
            let sandbox = LocalSandbox(made, by: maker, provider: self)
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

    /// A sandbox is gone.
    func forget(_ id: ProviderSandboxID) { registry.withLock { _ = $0.living.removeValue(forKey: id.rawValue) } }

    package func attach(_ id: ProviderSandboxID) async throws(ProviderError) -> any Sandbox {
        if let sandbox = registry.withLock({ $0.living[id.rawValue] }) { return sandbox }
        // One of an earlier process can't be used any more: the socket to its agent went with the process.
        throw ProviderError(.notFound, "sandbox \(id) is gone")
    }

    package func destroy(_ id: ProviderSandboxID) async throws(ProviderError) {
        if let sandbox = registry.withLock({ $0.living[id.rawValue] }) { return try await sandbox.kill() }
        let host = try host.get()
        // A name, not a path: it is looked for among those that exist.
        let journal = await HostThreads.run { host.journals().first { $0.id == id.rawValue } }
        guard let journal else { return }
        try await SandboxRemains(journal).remove()
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
