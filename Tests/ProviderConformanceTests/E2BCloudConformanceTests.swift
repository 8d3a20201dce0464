#if os(Linux)
import E2BProvider
import Foundation
import ProviderConformance
import SandstormCore
import Testing

/// The adapter against the vendor's own cloud, or whatever the variables of the vendor's SDK name. It costs money, and so is run by
/// `PROVIDER=e2b make conformance` alone, with a key of one's own.
@Suite("Conformance of E2B's cloud", .enabled(if: E2BCloud.account != nil, "costs money: PROVIDER=e2b make conformance"))
struct E2BCloudConformanceTests {
    @Test("on an account", cloud.scope, arguments: ConformanceCase.all)
    func conforms(behaviour: ConformanceCase) async throws { try await cloud.check(behaviour) }
}

private enum E2BCloud {
    static let account: E2BAccount? = {
        let environment = ProcessInfo.processInfo.environment
        guard environment["SANDSTORM_CONFORMANCE"] == "e2b", let key = environment["E2B_API_KEY"], !key.isEmpty else { return nil }
        var account = E2BAccount(key: E2BKey(key))
        account.apiURL = environment["E2B_API_URL"]
        account.sandboxURL = environment["E2B_SANDBOX_URL"]
        if let domain = environment["E2B_DOMAIN"] { account.domain = domain }
        return account
    }()
}

/// Accounts may make one to five sandboxes a second, and none of these cases is about that.
private let cloud: ProviderConformance = {
    var spec = SandboxSpec()
    spec.memory = 512
    return ProviderConformance(
        "e2b", budget: ConformanceBudget(perCase: .seconds(600), parallelism: 1, sandboxesAtOnce: 3), spec: spec, fetch: HTTP.fetch,
        hosts: EgressHosts(allowed: "example.com", other: "example.org"),
        provider: {
            guard let account = E2BCloud.account else { throw ProviderError(.invalid, "E2B_API_KEY is not set") }
            return try E2BProvider(accounts: [account]) { .free }
        })
}()
#endif
