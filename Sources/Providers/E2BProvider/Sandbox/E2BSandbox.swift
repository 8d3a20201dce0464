import NIOCore
import NIOHTTP1
import SandstormCore
import SandstormWire

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A sandbox at E2B.
struct E2BSandbox: Sandbox {
    let link: SandboxLink
    /// Makes a sandbox like this one from a snapshot of it.
    let remake: @Sendable (ProviderSnapshot, SandboxTag) async throws(ProviderError) -> any Sandbox

    var id: ProviderSandboxID { E2BSandbox.id(of: link.id, at: link.account) }

    /// Sandboxes are named by the vendor's id and the account, as only its key opens them.
    static func id(of id: String, at account: E2BAccount) -> ProviderSandboxID { ProviderSandboxID("\(account.name)/\(id)") }

    func start(_ command: Command) async throws(ProviderError) -> any SandboxProcess {
        if command.terminal != nil, !link.account.has(.terminal) { throw .unsupported("terminal") }
        if command.user == SandboxSpec.root, !link.account.has(.root) { throw .unsupported("user root") }
        return try await link.start(command)
    }

    var files: any SandboxFiles { E2BFiles(link: link, user: nil) }

    func files(as user: String?) throws(ProviderError) -> any SandboxFiles {
        if user == SandboxSpec.root, !link.account.has(.root) { throw .unsupported("files as user root") }
        return E2BFiles(link: link, user: user)
    }

    // MARK: Life

    func pause() async throws(ProviderError) {
        guard link.account.has(.pause) else { throw .unsupported("pause") }
        try link.checkIsThere()
        // First of all: streams that break now break because of it.
        let was = link.isPaused
        link.setPaused(true)
        do throws(ProviderError) {
            if try await link.plane.pause(link.id) { return }
            // It was paused already, or is on its way to or from that.
            switch await link.presence() {
            case .paused: return
            case .gone: throw ProviderError(.notFound, "the sandbox is gone")
            case .running, .unknown: throw ProviderError(.unavailable, "the sandbox is being changed at this moment")
            }
        } catch {
            link.setPaused(was)
            throw error
        }
    }

    func resume() async throws(ProviderError) {
        guard link.account.has(.pause) else { throw .unsupported("pause") }
        try link.checkIsThere()
        link.update(try await link.plane.connect(link.id, timeout: secondsLeft(until: link.lease)))
        link.setPaused(false)
    }

    /// Moves the end to just that moment: what the vendor ends by its own clock is this account's lease.
    func extend(to lease: Date) async throws(ProviderError) {
        try link.checkIsThere()
        do throws(ProviderError) {
            try await link.plane.setTimeout(link.id, seconds: secondsLeft(until: lease))
        } catch {
            // What is paused has no clock; it gets the time when it is resumed.
            guard error.code == .notFound, case .paused = await link.presence() else { throw error }
        }
        link.lease = lease
    }

    private func secondsLeft(until lease: Date) -> Int {
        min(max(Int(lease.timeIntervalSinceNow.rounded(.up)), 1), Int(link.account.limits.lifetime.components.seconds))
    }

    func kill() async throws(ProviderError) {
        guard !link.isGone else { return }
        link.setDying(true)
        do throws(ProviderError) {
            try await link.plane.kill(link.id)
        } catch {
            link.setDying(false)
            throw error
        }
        link.setGone()
    }

    /// Takes effect for connections that are made from now on.
    func setNetwork(_ policy: NetworkPolicy) async throws(ProviderError) {
        guard link.account.has(.networkChange) else { throw .unsupported("change of the network") }
        try link.checkIsThere()
        try await link.plane.setNetwork(link.id, CreateBody.network(policy))
    }

    // MARK: Copies

    func snapshot(_ kind: SnapshotKind) async throws(ProviderError) -> ProviderSnapshot {
        guard link.account.has(.snapshots), kind == .filesystem || link.account.has(.memorySnapshots) else {
            throw .unsupported("a \(kind.rawValue) snapshot")
        }
        try link.checkIsThere()
        let id = try await link.plane.snapshot(link.id, memory: kind == .memory)
        return ProviderSnapshot(id: "\(link.account.name)/\(id)", kind: kind)
    }

    /// By a snapshot from which one is made: the vendor's own fork copies the metadata too, so that both would have one tag.
    func fork(tag: SandboxTag) async throws(ProviderError) -> any Sandbox {
        guard link.account.has(.fork) else { throw .unsupported("fork") }
        let snapshot = try await snapshot(link.account.has(.memorySnapshots) ? .memory : .filesystem)
        let (plane, id) = (link.plane, String(snapshot.id.dropFirst(link.account.name.count + 1)))
        // What was made from it lives on.
        defer { link.aftercare.take { try? await plane.deleteTemplate(id) } }
        return try await remake(snapshot, tag)
    }

    // MARK: Ports and figures

    private static let interpreterPort = 49_999

    func endpoint(port: Int) async throws(ProviderError) -> SandboxEndpoint {
        guard link.account.has(.ports) else { throw .unsupported("ports") }
        guard (1...65_535).contains(port) else { throw ProviderError(.invalid, "\(port) is no port") }
        try link.checkIsThere()
        var headers = link.access.trafficToken.map { ["e2b-traffic-access-token": $0] } ?? [:]
        // The vendor's code interpreter wants what envd wants.
        if port == E2BSandbox.interpreterPort { headers["x-access-token"] = link.access.token }
        if link.account.sandboxURL != nil {
            headers["e2b-sandbox-id"] = link.id
            headers["e2b-sandbox-port"] = String(port)
        }
        guard let url = URL(string: link.account.sandboxURL ?? link.hostURL(port: port)) else {
            throw ProviderError(.unavailable, "the sandbox's address is no URL")
        }
        return SandboxEndpoint(url: url, headers: headers)
    }

    func usage() async throws(ProviderError) -> SandboxUsage {
        guard link.account.has(.usage), link.access.version >= .metrics else { throw .unsupported("usage") }
        try link.checkIsThere()
        let answer: VendorAnswer
        do throws(EnvdFailure) {
            answer = try await link.rest { link.request(.GET, "/metrics", headers: [("accept-encoding", "identity")]) }
        } catch {
            throw await link.error(error)
        }
        guard let json = answer.json else { throw ProviderError(.unavailable, "the sandbox's answer makes no sense") }
        var usage = SandboxUsage()
        func bytes(_ key: String) -> Int64? { json[key]?.intValue.map { Int64($0) } }
        usage.memory = bytes("mem_used") ?? json["mem_used_mib"]?.intValue.map { Int64($0) << 20 }
        usage.memoryLimit = link.access.memoryMiB.map { Int64($0) << 20 } ?? bytes("mem_total")
        usage.disk = bytes("disk_used")
        usage.diskLimit = bytes("disk_total")
        return usage
    }
}
