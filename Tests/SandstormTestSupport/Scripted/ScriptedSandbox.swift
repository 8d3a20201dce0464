import SandstormCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A sandbox of a ``ScriptedProvider``.
struct ScriptedSandbox: Sandbox {
    let id: ProviderSandboxID
    let provider: ScriptedProvider

    var files: any SandboxFiles { ScriptedFiles(sandbox: id, provider: provider) }

    func start(_ command: Command) async throws(ProviderError) -> any SandboxProcess {
        try await provider.begin(.start)
        let pid = try provider.withLiving(id) { living throws(ProviderError) in
            defer { living.nextPID += 1 }
            return living.nextPID
        }
        let script = try provider.started(command, in: id)
        return ScriptedProcess(script: script, pid: pid, terminal: command.terminal, sandbox: id, provider: provider)
    }

    func pause() async throws(ProviderError) {
        guard provider.capabilities.pause else { throw .unsupported("pause") }
        try await provider.begin(.pause)
        try provider.withLiving(id) { living throws(ProviderError) in living.isPaused = true }
    }

    func resume() async throws(ProviderError) {
        guard provider.capabilities.pause else { throw .unsupported("resume") }
        try await provider.begin(.resume)
        try provider.withLiving(id) { living throws(ProviderError) in living.isPaused = false }
    }

    func snapshot(_ kind: SnapshotKind) async throws(ProviderError) -> ProviderSnapshot {
        guard provider.capabilities.snapshot.contains(kind) else { throw .unsupported("snapshot \(kind.rawValue)") }
        try await provider.begin(.snapshot)
        return provider.keep(try provider.withLiving(id) { living throws(ProviderError) in living.files }, kind)
    }

    func fork(tag: SandboxTag) async throws(ProviderError) -> any Sandbox {
        guard provider.capabilities.fork else { throw .unsupported("fork") }
        try await provider.begin(.fork)
        return try await provider.make(try provider.withLiving(id) { living throws(ProviderError) in living.files }, tag)
    }

    func endpoint(port: Int) async throws(ProviderError) -> SandboxEndpoint {
        guard provider.capabilities.ports else { throw .unsupported("ports") }
        try await provider.begin(.endpoint)
        guard provider.isAlive(id) else { throw ProviderError(.notFound, "the sandbox is gone") }
        if let endpoint = provider.behaviour.endpoints[port] { return endpoint }
        guard let url = URL(string: "http://127.0.0.1:\(port)") else { throw ProviderError(.invalid, "no port \(port)") }
        return SandboxEndpoint(url: url)
    }

    func usage() async throws(ProviderError) -> SandboxUsage {
        guard provider.capabilities.usage else { throw .unsupported("usage") }
        try await provider.begin(.usage)
        guard provider.isAlive(id) else { throw ProviderError(.notFound, "the sandbox is gone") }
        return provider.behaviour.usage
    }

    func setNetwork(_ policy: NetworkPolicy) async throws(ProviderError) {
        guard provider.capabilities.networkChange else { throw .unsupported("change of the network") }
        try await provider.begin(.setNetwork)
        try provider.withLiving(id) { living throws(ProviderError) in living.network = policy }
    }

    func extend(to lease: Date) async throws(ProviderError) {
        try await provider.begin(.extend)
        try provider.withLiving(id) { living throws(ProviderError) in living.lease = lease }
    }

    func kill() async throws(ProviderError) { try provider.kill(id) }
}
