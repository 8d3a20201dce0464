#if os(Linux)
import LocalProvider
import ProviderConformance
import SandstormCore
import Testing

@Suite("Conformance of the local provider", .enabled(if: LocalMachine.canRun, LocalMachine.why))
struct LocalConformanceTests {
    @Test("with bubblewrap", bubblewrap.scope, arguments: ConformanceCase.all)
    func conformsWithBubblewrap(behaviour: ConformanceCase) async throws { try await bubblewrap.check(behaviour) }

    @Test("with runc", .enabled(if: LocalMachine.hasRunc, "needs root and runc"), runc.scope, arguments: ConformanceCase.all)
    func conformsWithRunc(behaviour: ConformanceCase) async throws { try await runc.check(behaviour) }
}

private let bubblewrap = ProviderConformance(
    "local with bubblewrap", fetch: HTTP.fetch, hosts: Neighbourhood.hosts, provider: { await LocalMachine.provider(in: "bubblewrap") })

private let runc: ProviderConformance = {
    var spec = SandboxSpec()
    spec.isolation = .strong
    return ProviderConformance(
        "local with runc", spec: spec, fetch: HTTP.fetch, hosts: Neighbourhood.hosts,
        provider: { await LocalMachine.provider(in: "runc") { $0.runtimes[.strong] = "runc" } })
}()
#endif
