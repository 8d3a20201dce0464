import NIOCore
import SandstormCore
import Testing

/// What a case has to work with: sandboxes that are killed after it, and checks.
final class CaseContext: Sendable {
    let provider: any SandboxProvider
    let budget: ConformanceBudget
    let suite: ProviderConformance
    /// The run that this case's own sandboxes are tagged with.
    let run = RunID.generate()
    /// A directory that only this case uses; exists in borrowed sandboxes.
    let directory: String

    private struct State {
        var failures: [ConformanceFailure] = []
        var borrowed: [(sandbox: any Sandbox, isShared: Bool)] = []
        var own: [any Sandbox] = []
        var hasCreated = false
    }
    private let state = Locked(State())

    init(_ suite: ProviderConformance, _ provider: any SandboxProvider) {
        self.suite = suite
        self.provider = provider
        budget = suite.budget
        directory = "\(SandboxSpec.workspace)/case-\(UInt32.random(in: .min ... .max))"
    }

    var capabilities: ProviderCapabilities { provider.capabilities }
    var gateway: GatewayID { suite.session.gateway }
    var failures: [ConformanceFailure] { state.withLock(\.failures) }

    // MARK: Sandboxes

    /// A sandbox for cases that leave it as good as it was, with ``directory`` in it.
    func sandbox() async throws -> any Sandbox {
        let borrowed = try await suite.session.borrow(for: run)
        state.withLock { state in
            state.borrowed.append(borrowed)
            if !borrowed.isShared { state.hasCreated = true }
        }
        let name = directory.split(separator: "/").last.map(String.init) ?? ""
        let made = try await finished(try await borrowed.sandbox.start(Command(["/bin/sh", "-c", "mkdir -p \(name)"])))
        try require(made.code == 0, "a directory in the workspace could not be made: \(made)")
        return borrowed.sandbox
    }

    /// A sandbox that the case may do anything to.
    func ownSandbox(_ change: (inout SandboxSpec) -> Void = { _ in }, tag: SandboxTag? = nil) async throws -> any Sandbox {
        var spec = suite.spec
        change(&spec)
        let offer = try offer(for: spec)
        return keep(try await creating { provider in try await provider.create(spec, on: offer, tag: tag ?? self.tag()) })
    }

    /// Runs what may make a sandbox, so that the case is checked for leftovers.
    func creating<Value>(_ body: (any SandboxProvider) async throws -> Value) async rethrows -> Value {
        state.withLock { $0.hasCreated = true }
        return try await body(provider)
    }

    /// Sees to it that a sandbox is killed after the case.
    @discardableResult
    func keep(_ sandbox: any Sandbox) -> any Sandbox {
        state.withLock { state in
            state.own.append(sandbox)
            state.hasCreated = true
        }
        return sandbox
    }

    func spec(_ change: (inout SandboxSpec) -> Void = { _ in }) -> SandboxSpec {
        var spec = suite.spec
        change(&spec)
        return spec
    }

    func offer(for spec: SandboxSpec) throws -> Offer {
        guard let offer = provider.offers(for: spec).first else {
            throw ConformanceFailure("no offer for \(spec.resources): \(provider.refusal(of: spec) ?? "no reason given")")
        }
        return offer
    }

    func tag() -> SandboxTag { SandboxTag(gateway: gateway, run: run, attempt: .generate(), sandbox: .generate()) }

    /// This case's sandboxes as the provider lists them.
    func listed(by provider: (any SandboxProvider)? = nil) async throws -> [SandboxRecord] {
        try await (provider ?? self.provider).sandboxes(taggedBy: gateway).filter { $0.tag.run == run }
    }

    /// Kills and gives back.
    ///
    /// - Returns: what is wrong with what is left.
    func finish(hasFailed: Bool) async -> [ConformanceFailure] {
        let state = state.withLock(\.self)
        let (provider, run, session, directory) = (provider, run, suite.session, directory)
        // The test's own task may be cancelled; sandboxes must go all the same.
        let work = Task {
            var failures: [ConformanceFailure] = []
            func kill(_ sandbox: any Sandbox) async {
                do { try await within(.seconds(60)) { try await sandbox.kill() } } catch {
                    failures.append(ConformanceFailure("a sandbox could not be killed after the case: \(describe(error))"))
                }
            }
            for sandbox in state.own { await kill(sandbox) }
            for (sandbox, isShared) in state.borrowed {
                // A case that failed may have left anything behind.
                guard isShared, !hasFailed else {
                    await kill(sandbox)
                    continue
                }
                let name = directory.split(separator: "/").last.map(String.init) ?? ""
                let cleaned = try? await sandbox.start(Command(["/bin/sh", "-c", "chmod -R u+rwx \(name); rm -rf \(name)"])).transcript()
                if cleaned == nil { await kill(sandbox) } else { await session.giveBack(sandbox) }
            }
            if state.hasCreated { failures += await session.remainders(at: provider) { $0.tag.run == run } }
            return failures
        }
        return await work.value
    }

    // MARK: Running

    /// A path in the case's directory.
    func path(_ name: String) -> String { "\(directory)/\(name)" }

    /// A command that runs a line of shell in the case's directory.
    func line(_ line: String, environment: [String: String] = [:], terminal: TerminalSize? = nil, in directory: String? = nil) -> Command {
        Command(
            ["/bin/sh", "-c", line], environment: environment, workingDirectory: directory ?? self.directory, terminal: terminal)
    }

    /// Runs a line of shell to its end in the case's directory, its input empty.
    func shell(
        _ sandbox: any Sandbox, _ line: String, environment: [String: String] = [:], in directory: String? = nil
    ) async throws -> Transcript {
        try await finished(try await sandbox.start(self.line(line, environment: environment, in: directory)))
    }

    /// Closes the input and reads to the end.
    func finished(_ process: any SandboxProcess) async throws -> Transcript {
        try await process.closeInput()
        return try await process.transcript()
    }

    // MARK: Checking

    /// Notes a failure unless `isSo`, and goes on.
    func expect(_ isSo: Bool, _ message: @autoclosure () -> String, at location: SourceLocation = #_sourceLocation) {
        guard !isSo else { return }
        let failure = ConformanceFailure(message(), at: location)
        state.withLock { $0.failures.append(failure) }
    }

    /// Notes a failure unless `actual` is `expected`, and goes on.
    func expect<Value: Equatable>(
        _ what: String, _ actual: Value, is expected: Value, at location: SourceLocation = #_sourceLocation
    ) {
        expect(actual == expected, "\(what): expected \(brief(expected)), but it was \(brief(actual))", at: location)
    }

    /// Ends the case with a failure unless `isSo`.
    func require(_ isSo: Bool, _ message: @autoclosure () -> String, at location: SourceLocation = #_sourceLocation) throws {
        if !isSo { throw ConformanceFailure(message(), at: location) }
    }

    /// Ends the case with a failure if there is no value.
    func require<Value>(
        _ value: Value?, _ message: @autoclosure () -> String, at location: SourceLocation = #_sourceLocation
    ) throws -> Value {
        guard let value else { throw ConformanceFailure(message(), at: location) }
        return value
    }

    /// Notes a failure unless `condition` comes to hold within the budget's ``ConformanceBudget/settling``.
    func eventually(
        _ message: @autoclosure () -> String, at location: SourceLocation = #_sourceLocation, _ condition: () async throws -> Bool
    ) async throws {
        let holds = try await comesToHold(within: budget.settling, condition)
        expect(holds, message(), at: location)
    }

    /// Notes a failure unless `body` throws a ``ProviderError`` with one of `codes`.
    ///
    /// - Returns: the error, if there was one.
    @discardableResult
    func refusal<Value>(
        _ what: String, _ codes: ProviderError.Code..., file problems: [ProviderError.FileProblem] = [],
        at location: SourceLocation = #_sourceLocation, _ body: () async throws -> Value
    ) async -> ProviderError? {
        let wanted = codes.map(\.rawValue).joined(separator: " or ")
        do {
            let value = try await body()
            expect(false, "\(what): expected \(wanted), but it succeeded with \(brief(value))", at: location)
            return nil
        } catch let error as ProviderError {
            expect(codes.contains(error.code), "\(what): expected \(wanted), but it was \(describe(error))", at: location)
            expect(!error.message.isEmpty, "\(what): the error has no message", at: location)
            if !problems.isEmpty {
                let names = problems.map(\.rawValue).joined(separator: " or ")
                expect(
                    error.fileProblem.map(problems.contains) ?? false,
                    "\(what): expected the file problem \(names), but it was \(error.fileProblem?.rawValue ?? "none") in \(describe(error))",
                    at: location)
            }
            return error
        } catch {
            expect(false, "\(what): expected a ProviderError, but it was \(describe(error))", at: location)
            return nil
        }
    }
}

/// A value as far as a report needs it.
private func brief<Value>(_ value: Value) -> String {
    let text = (value as? String).map { $0.debugDescription } ?? String(describing: value)
    return text.count <= 300 ? text : text.prefix(300) + "… (\(text.count) characters)"
}
