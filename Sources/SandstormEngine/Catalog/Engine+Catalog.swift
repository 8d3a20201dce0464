package import SandstormCore
package import SandstormStore

#if canImport(FoundationEssentials)
package import FoundationEssentials
#else
package import Foundation
#endif

/// What tenants keep here beside sandboxes. Whose it is, is for the front end to check.
extension Engine {
    /// Templates that tenants have made.
    package var templates: any TemplateStore { store }
    /// Their volumes.
    package var volumes: any VolumeStore { store }
    /// Their secrets.
    package var secrets: SecretVault { SecretVault(store: store, key: store.secret.key(for: "secrets")) }

    /// What a configured provider can honour; `nil` if there is none of that name.
    package func capabilities(of provider: ProviderID) -> ProviderCapabilities? { providersByID[provider]?.capabilities }

    /// Whether one of the configured providers can do something.
    package func canAny(_ condition: (ProviderCapabilities) -> Bool) -> Bool { providers.contains { condition($0.capabilities) } }

    /// The most of each resource that one sandbox can have anywhere.
    package var mostResources: (cpu: Double, memory: Int, disk: Int) {
        providers.reduce(into: (0, 0, 0)) { most, provider in
            let maximum = provider.capabilities.maximum
            most.cpu = max(most.cpu, Double(maximum.milliCPU) / 1000)
            most.memory = max(most.memory, maximum.memoryMiB)
            most.disk = max(most.disk, maximum.diskGiB)
        }
    }

    /// The sandboxes that run in this process's care and about which a front end noted down something under this name.
    package func runningSandboxes(withAttribute name: String) -> [SandboxInfo] {
        state.withLock { Array($0.sandboxes.values) }.map(\.info).filter { $0.state == .running && $0.attributes[name] != nil }
    }

    /// When the sandboxes of the caller's tenant lived that lived at any time of a stretch, oldest first.
    package func sandboxLives(from start: Date, to end: Date, for principal: Principal) async throws(EngineError) -> [SandboxLife] {
        do throws(StoreError) {
            return try await store.sandboxLives(tenant: principal.tenant, from: start, to: end)
        } catch {
            throw EngineError(error)
        }
    }

    /// A token of something other than a sandbox, 64 hexadecimal digits.
    package func token(of subject: String, for purpose: String) -> String { code(of: "\(purpose) \(subject)") }

    /// Whether `token` is ``token(of:for:)``; takes as long for one that is nearly right as for any other.
    package func isToken(_ token: some StringProtocol, of subject: String, for purpose: String) -> Bool {
        isCode(token, of: "\(purpose) \(subject)")
    }
}
