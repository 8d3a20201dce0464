#if os(Linux)
import NIOPosix
import SandstormCore
import SandstormWire

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A sandbox of this process.
final class LocalSandbox: Sandbox {
    let id: ProviderSandboxID
    /// What it was made by; a fork is made the same way.
    let maker: SandboxMaker
    /// nil if its files are in memory.
    let disk: LiveDisk?
    private let connection: AgentConnection
    private let remains: SandboxRemains
    private let freezer: Freezer
    private let memory: MemoryKills
    private let ports: SandboxPorts
    /// What it may reach by now. Held while it is changed.
    private let network: Locked<NetworkPolicy>
    /// Knows it as long as it lives, and makes its forks.
    private weak let provider: LocalProvider?
    /// Reaps the launcher when the sandbox ends by itself.
    private let watcher: Task<Void, Never>

    init(_ made: SandboxMaker.Made, by maker: SandboxMaker, provider: LocalProvider?) {
        let (connection, remains) = (made.connection, made.remains)
        id = ProviderSandboxID(maker.id)
        self.maker = maker
        disk = made.disk
        self.connection = connection
        self.remains = remains
        freezer = made.freezer
        memory = made.memory
        ports = SandboxPorts(directory: maker.host.portsDirectory(of: maker.id), connection)
        network = Locked(maker.spec.network)
        self.provider = provider
        let child = remains.child
        watcher = Task {
            await connection.waitUntilClosed()
            guard let child else { return }
            await HostThreads.run {
                remains.endHelpers()
                guard child.reap(within: .seconds(1)) == nil else { return }
                child.kill()
                _ = child.reap(within: .seconds(5))
            }
        }
    }

    deinit { connection.close() }

    // MARK: Commands and files

    func start(_ command: Command) async throws(ProviderError) -> any SandboxProcess {
        try checkIsUsable()
        var command = command
        if maker.spec.rootAccess { command.user = RootAccess.user(command.user) }
        let watch = MemoryWatch(memory)
        do throws(ProviderError) {
            return LocalProcess(try await connection.start(command), watch)
        } catch {
            try checkIsAlive()
            throw watch.explain(error)
        }
    }

    var files: any SandboxFiles { files(as: nil) }

    func files(as user: String?) -> any SandboxFiles {
        let user = maker.spec.rootAccess ? RootAccess.user(user) : user
        return LocalFiles(AgentSandboxFiles(connection, as: user)) { [self] () throws(ProviderError) in try checkIsUsable() }
    }

    func endpoint(port: Int) async throws(ProviderError) -> SandboxEndpoint {
        try checkIsAlive()
        return try await ports.endpoint(port: port)
    }

    func usage() async throws(ProviderError) -> SandboxUsage {
        try checkIsAlive()
        if let obstacle = maker.host.usageObstacle { throw .unsupported("usage: \(obstacle)") }
        let group = remains.journal.group
        let usage = await HostThreads.run { [disk] in
            var usage = SandboxUsage()
            group?.measure(&usage)
            usage.disk = disk?.usedBytes
            usage.diskLimit = disk.map { Int64($0.diskGiB) << 30 }
            return usage
        }
        // What was read of a sandbox while it was removed is nothing.
        try checkIsAlive()
        return usage
    }

    func setNetwork(_ policy: NetworkPolicy) async throws(ProviderError) {
        try checkIsAlive()
        let host = maker.host
        guard policy != network.withLock(\.self) else { return }
        guard let translator = host.translator, maker.spec.network != .none else {
            throw .unsupported("change of the network: the sandbox was made without one of its own")
        }
        let routes = try translator.routes(policy)
        let resolvesNames = host.names(policy) == .translated
        guard !resolvesNames || maker.names == .translated else {
            throw .unsupported("change of the network: the sandbox was made without a resolver, which this network needs")
        }
        let journal = remains.journal
        guard let launcher = journal.process, let translation = journal.helpers.last else {
            throw ProviderError(.unavailable, "the sandbox's network is gone")
        }
        let result = await HostThreads.run(on: HostThreads.spawning) { [network] in
            // One change at a time, and what is noted is what holds.
            network.withLock { network in
                Result { () throws(SystemError) in
                    // Runtimes enter the network in a process of the sandbox's, the others themselves.
                    let pid = journal.runtime == nil ? launcher.pid : launcher.children.first ?? launcher.pid
                    try translator.change(
                        to: routes, resolvesNames: resolvesNames, in: "/proc/\(pid)/ns/net",
                        userNamespace: host.slots == nil ? "/proc/\(translation.pid)/ns/user" : nil,
                        within: host.configuration.launchDeadline)
                    network = policy
                }
            }
        }
        if case .failure(let error) = result {
            try checkIsAlive()
            throw error.providerError("the sandbox's network can't be changed")
        }
    }

    // MARK: Standing still

    func pause() async throws(ProviderError) {
        try checkIsAlive()
        if let obstacle = maker.host.freezeObstacle { throw .unsupported("pause: \(obstacle)") }
        try await freezer.pause()
        try checkIsAlive()
    }

    func resume() async throws(ProviderError) {
        try checkIsAlive()
        if let obstacle = maker.host.freezeObstacle { throw .unsupported("resume: \(obstacle)") }
        try await freezer.resume()
    }

    // MARK: Copies

    func snapshot(_ kind: SnapshotKind) async throws(ProviderError) -> ProviderSnapshot {
        try checkIsAlive()
        guard kind == .filesystem else { throw .unsupported("snapshot of memory") }
        let disk = try copyableDisk()
        let snapshots = maker.host.snapshots
        let draft = try await Self.onHost("the snapshot can't be begun") { () throws(SystemError) in try snapshots.begin() }
        do throws(ProviderError) {
            try await disk.origin.copy(draft.disk)
            let description = SnapshotStore.Description(
                diskGiB: disk.diskGiB, owner: disk.owner, image: maker.spec.image, rootAccess: maker.spec.rootAccess)
            let id = try await Self.onHost(on: HostThreads.copying, "the snapshot can't be kept") { () throws(SystemError) in
                try snapshots.publish(draft, description)
            }
            return ProviderSnapshot(id: id, kind: kind)
        } catch {
            await HostThreads.run { snapshots.abandon(draft) }
            try checkIsAlive()
            throw error
        }
    }

    func fork(tag: SandboxTag) async throws(ProviderError) -> any Sandbox {
        try checkIsAlive()
        let disk = try copyableDisk()
        guard let provider else { throw ProviderError(.unavailable, "the gateway is about to end") }
        do throws(ProviderError) {
            var spec = maker.spec
            spec.network = network.withLock(\.self)
            return try await provider.make(spec, by: maker.launcher, from: disk.origin, tag: tag)
        } catch {
            try checkIsAlive()
            throw error
        }
    }

    private func copyableDisk() throws(ProviderError) -> LiveDisk {
        if let obstacle = maker.host.copyObstacle { throw .unsupported("snapshot: \(obstacle)") }
        guard let disk else { throw .unsupported("snapshot: the files are in memory") }
        return disk
    }

    private static func onHost<Value: Sendable>(
        on pool: NIOThreadPool = HostThreads.blocking, _ failure: String,
        _ body: @escaping @Sendable () throws(SystemError) -> Value
    ) async throws(ProviderError) -> Value {
        do throws(SystemError) {
            return try await HostThreads.run(on: pool) { Result { () throws(SystemError) in try body() } }.get()
        } catch {
            throw error.providerError(failure)
        }
    }

    // MARK: The end

    /// Does nothing: a sandbox lives here until it is killed.
    func extend(to lease: Date) async throws(ProviderError) { try checkIsAlive() }

    func kill() async throws(ProviderError) {
        freezer.doom()
        connection.close()
        await ports.close()
        await freezer.awaitRelease()
        try await remains.remove()
        provider?.forget(id)
    }

    private func checkIsAlive() throws(ProviderError) {
        if freezer.isDoomed || remains.isDoomed { throw ProviderError(.notFound, "sandbox \(id) was killed") }
    }

    /// In a paused sandbox the agent does not answer, and who asks it would wait for the sandbox to be resumed.
    private func checkIsUsable() throws(ProviderError) {
        try checkIsAlive()
        if freezer.isPaused { throw ProviderError(.invalid, "sandbox \(id) is paused: resume it first") }
    }
}
#endif
