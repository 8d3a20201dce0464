public import SandstormCore
public import Testing

#if canImport(FoundationEssentials)
public import FoundationEssentials
#else
public import Foundation
#endif

/// What every provider must show, as cases of Swift Testing.
///
/// A provider's tests need three lines:
///
/// ```swift
/// let conformance = ProviderConformance("acme") { try await AcmeProvider(key: key) }
///
/// @Test("Acme conforms", conformance.scope, arguments: ConformanceCase.all)
/// func conforms(to behaviour: ConformanceCase) async throws { try await conformance.check(behaviour) }
/// ```
///
/// Each case is reported by its name, and fails at the check that found the fault. What the provider's capabilities do not declare must be
/// refused as the waist demands: the case proves that, and never just passes.
public final class ProviderConformance: Sendable {
    /// Makes a provider on the same account, machine or directory each time: the kit calls it a second time to see what another gateway sees.
    public typealias Factory = @Sendable () async throws -> any SandboxProvider

    /// Asks an address for something by HTTP: URL, header fields → status and body. Must know the schemes of the provider's endpoints.
    public typealias Fetch = @Sendable (URL, [String: String]) async throws -> (status: Int, body: String)

    /// What the provider's suite is called.
    public let name: String
    /// What may be used up.
    public let budget: ConformanceBudget
    let spec: SandboxSpec
    let fetch: Fetch?
    let hosts: EgressHosts?
    let deviations: [String: String]
    let factory: Factory
    let session: ConformanceSession

    /// - Parameters:
    ///   - name: for reports.
    ///   - budget: what may be used up.
    ///   - spec: what the sandboxes are made from, for instance an image; cases change what they are about.
    ///   - fetch: needed where ports are declared.
    ///   - hosts: needed where a network is declared.
    ///   - deviations: the ids of the cases that the provider is known to fail, with the reasons. They are run all the same, and reported as
    ///     known issues; one that passes after all fails, so that the list can't outlive its reasons.
    ///   - provider: makes the provider.
    public init(
        _ name: String, budget: ConformanceBudget = ConformanceBudget(), spec: SandboxSpec = SandboxSpec(), fetch: Fetch? = nil,
        hosts: EgressHosts? = nil, deviations: [String: String] = [:], provider: @escaping Factory
    ) {
        self.name = name
        self.budget = budget
        var spec = spec
        // A place with a clock of its own must not end a sandbox in the middle of a case.
        spec.timeout = min(max(spec.timeout, budget.perCase + .seconds(60)), SandboxSpec.Limits.timeout.upperBound)
        self.spec = spec
        self.fetch = fetch
        self.hosts = hosts
        self.deviations = deviations
        factory = provider
        session = ConformanceSession(factory: provider, budget: budget, spec: spec)
    }

    /// Runs one case, and records what it finds as issues of the current test.
    ///
    /// - Throws: what the factory throws.
    public func check(_ behaviour: ConformanceCase) async throws {
        let verdict = try await verdict(on: behaviour)
        func record() { for failure in verdict.failures { Issue.record("\(name): \(failure.message)", sourceLocation: failure.location) } }
        guard let reason = deviations[behaviour.id] else { return record() }
        withKnownIssue("\(reason)") { record() }
    }

    /// Runs one case.
    ///
    /// - Throws: what the factory throws.
    public func verdict(on behaviour: ConformanceCase) async throws -> ConformanceVerdict {
        let provider = try await session.provider()
        await session.permits.take()
        let context = CaseContext(self, provider)
        var failures: [ConformanceFailure] = []
        let missing = behaviour.needs.filter { !$0.isDeclared(by: provider.capabilities) }
        do {
            try await within(budget.perCase, at: behaviour.location) {
                if missing.isEmpty {
                    try await behaviour.body(context)
                } else {
                    for need in missing { try await need.proveRefusal(context) }
                }
            }
        } catch let failure as ConformanceFailure {
            failures.append(failure)
        } catch {
            failures.append(ConformanceFailure("an error that the case did not expect: \(describe(error))", at: behaviour.location))
        }
        failures = context.failures + failures
        failures += await context.finish(hasFailed: !failures.isEmpty)
        await session.permits.give()
        if !failures.isEmpty { return .fails(failures) }
        return missing.isEmpty ? .conforms : .refuses(missing)
    }

    /// Lets the cases of a test share sandboxes where that is safe, and checks after the last that nothing is left at the provider.
    ///
    /// Without it each case makes sandboxes of its own.
    public var scope: ConformanceScope { ConformanceScope(session: session, name: name) }
}

/// Two places in the network of which the tests know how sandboxes may reach them.
public struct EgressHosts: Hashable, Sendable {
    /// Answers HTTP: what an allow-list is made of.
    public var allowed: String
    /// Answers HTTP too, and is never on an allow-list.
    public var other: String
    /// The port of both.
    public var port: Int

    /// Host names or addresses, as sandboxes see them.
    public init(allowed: String, other: String, port: Int = 80) {
        self.allowed = allowed
        self.other = other
        self.port = port
    }
}

/// The life of the sandboxes that cases share; see ``ProviderConformance/scope``.
public struct ConformanceScope: TestTrait, TestScoping {
    let session: ConformanceSession
    let name: String

    /// Once for the test, not once for each of its cases.
    public func scopeProvider(for test: Test, testCase: Test.Case?) -> ConformanceScope? { testCase == nil ? self : nil }

    /// Runs all cases, then cleans up and looks for what is left.
    public func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        session.share(true)
        let outcome: Result<Void, any Error>
        do { outcome = .success(try await function()) } catch { outcome = .failure(error) }
        for failure in await session.finish() { Issue.record("\(name): \(failure.message)", sourceLocation: failure.location) }
        try outcome.get()
    }
}
