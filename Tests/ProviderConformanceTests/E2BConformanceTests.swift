#if os(Linux)
import E2BProvider
import Foundation
import ProviderConformance
import SandstormCore
import Testing

/// The adapter against our own front end of the same dialect, which the vendor's SDK is tested against too.
@Suite("Conformance of E2B", .enabled(if: LocalMachine.canRun, LocalMachine.why))
struct E2BConformanceTests {
    @Test("over one URL", E2BPlace(form: .sharedURL), sharedURL.scope, arguments: ConformanceCase.all)
    func conformsOverOneURL(behaviour: ConformanceCase) async throws { try await sharedURL.check(behaviour) }

    @Test("over host names and TLS", E2BPlace(form: .hostNames), hostNames.scope, arguments: ConformanceCase.all)
    func conformsOverHostNames(behaviour: ConformanceCase) async throws { try await hostNames.check(behaviour) }
}

/// Each transfer goes through two programs that are built for debugging, in JSON: less of it shows as much.
private let budget = ConformanceBudget(largeTransfer: 24 << 20)

/// What the ready template gives; other sizes, as over host names, take templates that are made to measure.
private let spec: SandboxSpec = {
    var spec = SandboxSpec()
    spec.memory = 512
    return spec
}()

private let sharedURL = ProviderConformance(
    "e2b over one URL", budget: budget, spec: spec, fetch: HTTP.fetch, hosts: Neighbourhood.hosts,
    provider: { try E2BPlace.provider(.sharedURL) })

private let hostNames = ProviderConformance(
    "e2b over host names", budget: budget, fetch: E2BPlace.fetch, hosts: Neighbourhood.hosts,
    provider: { try E2BPlace.provider(.hostNames) })
#endif
