public import SandstormCore
import Testing

/// Something optional that a case is about.
public enum ConformanceNeed: Hashable, Sendable {
    case pause, fork, ports, terminal, usage, watch, users, reattach
    case snapshot(SnapshotKind)
    case openNetwork, networkAllowList
    case images
    case language(Language)

    /// Whether a provider says that it has it.
    public func isDeclared(by capabilities: ProviderCapabilities) -> Bool {
        switch self {
        case .pause: capabilities.pause
        case .fork: capabilities.fork
        case .ports: capabilities.ports
        case .terminal: capabilities.terminal
        case .usage: capabilities.usage
        case .watch: capabilities.watch
        case .users: !capabilities.users.isEmpty
        case .reattach: capabilities.reattach
        case .snapshot(let kind): capabilities.snapshot.contains(kind)
        case .openNetwork: capabilities.openNetwork
        case .networkAllowList: capabilities.networkAllowList
        case .images: capabilities.images
        case .language(let language): capabilities.languages?.contains(language) ?? false
        }
    }

    /// Proves that what is not declared is refused by name, rather than ignored or done badly.
    func proveRefusal(_ c: CaseContext) async throws {
        switch self {
        case .pause:
            let sandbox = try await c.sandbox()
            await c.refusal("pausing", .unsupported) { try await sandbox.pause() }
            await c.refusal("resuming", .unsupported) { try await sandbox.resume() }
        case .fork:
            let sandbox = try await c.sandbox()
            await c.refusal("forking", .unsupported) { try await c.creating { _ in c.keep(try await sandbox.fork(tag: c.tag())).id } }
        case .snapshot(let kind):
            let sandbox = try await c.sandbox()
            await c.refusal("a \(kind.rawValue) snapshot", .unsupported) { try await sandbox.snapshot(kind) }
        case .ports:
            let sandbox = try await c.sandbox()
            await c.refusal("the address of a port", .unsupported) { try await sandbox.endpoint(port: 8080).url }
        case .usage:
            let sandbox = try await c.sandbox()
            await c.refusal("asking for the usage", .unsupported) { try await sandbox.usage() }
        case .watch:
            let sandbox = try await c.sandbox()
            await c.refusal("watching", .unsupported) { _ = try await sandbox.files.watch(c.directory, recursively: false) }
        case .terminal:
            let sandbox = try await c.sandbox()
            await c.refusal("a terminal", .unsupported) {
                _ = try await sandbox.start(c.line("true", terminal: TerminalSize(columns: 80, rows: 24)))
            }
        case .users:
            let sandbox = try await c.sandbox()
            await c.refusal("another user", .unsupported, .invalid) {
                _ = try await sandbox.start(Command(["/bin/sh", "-c", "true"], user: "sandstorm-nobody"))
            }
            try await refuse("root access", c) { $0.rootAccess = true }
        case .reattach:
            let sandbox = try await c.ownSandbox()
            let other = try await c.suite.factory()
            await c.refusal("attaching from another gateway", .notFound) { try await other.attach(sandbox.id).id }
        case .openNetwork: try await refuse("an open network", c) { $0.network = .open }
        case .networkAllowList: try await refuse("an allow-list", c) { $0.network = .allow(["example.com"]) }
        case .images: try await refuse("an image", c) { $0.image = "sandstorm-conformance" }
        case .language(let language):
            // Where the place can't say what it has, there is nothing to refuse.
            guard c.capabilities.languages != nil, c.suite.spec.image == nil else { return }
            try await refuse(language.rawValue, c) { spec in
                spec.code = ""
                spec.language = language
            }
        }
    }

    private func refuse(_ what: String, _ c: CaseContext, _ change: (inout SandboxSpec) -> Void) async throws {
        let spec = c.spec(change)
        c.expect("offers for \(what)", c.provider.offers(for: spec).count, is: 0)
        c.expect(c.provider.refusal(of: spec)?.isEmpty == false, "no reason is given why \(what) is refused")
        let offer = try c.offer(for: c.spec())
        await c.refusal("a create with \(what)", .unsupported, .invalid) {
            try await c.creating { provider in c.keep(try await provider.create(spec, on: offer, tag: c.tag())).id }
        }
    }
}
