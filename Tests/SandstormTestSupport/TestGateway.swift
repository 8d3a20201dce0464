import Logging
package import SandstormCore
package import SandstormEngine
package import SandstormStore

/// A whole engine over a real store in a directory of its own, with providers that the test scripts.
package struct TestGateway: Sendable {
    package let directory: TemporaryDirectory
    package let store: any Store
    package let engine: Engine

    /// - Parameters:
    ///   - directory: of an earlier gateway, to start again where it was left.
    ///   - prices: for a gateway that has a price book.
    ///   - transport: what its price feed is fetched over.
    package init(
        _ providers: [any SandboxProvider], configuration: EngineConfiguration = TestGateway.quick, directory: TemporaryDirectory? = nil,
        prices: PriceConfiguration? = nil, transport: (any PriceFeedTransport)? = nil
    ) async throws {
        self.directory = try directory ?? TemporaryDirectory()
        store = try await SQLiteStore.open(directory: self.directory.path, exclusive: true)
        var book: LivePrices?
        if let prices { book = try await LivePrices.open(prices, store: store) }
        engine = Engine(
            providers: providers, store: store, configuration: configuration, prices: book,
            refreshedBy: prices.flatMap { prices in transport.map { prices.sources(asking: providers, over: $0) } } ?? [],
            learned: await Engine.learned(in: store), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// Limits that keep a test short.
    package static var quick: EngineConfiguration {
        var configuration = EngineConfiguration()
        configuration.drainTime = .zero
        configuration.reconnectTime = .zero
        configuration.createTimeout = .seconds(10)
        // On a busy machine any place may be late.
        configuration.routing.hedging = false
        return configuration
    }

    /// Submits and waits until the run is settled.
    package func run(_ request: RunRequest) async throws -> RunResult {
        try await engine.submit(request, by: .local).result()
    }

    /// Settles everything and closes the store.
    package func stop() async {
        await engine.shutDown()
        await store.close()
    }
}

extension RunRequest {
    /// A request that any provider can run.
    package static func scripted(
        timeout: Duration = .seconds(30), constraints: Constraints = Constraints(), detached: Bool = false, key: String? = nil,
        idempotent: Bool = false
    ) -> RunRequest {
        var spec = SandboxSpec(code: "echo hello", language: .shell)
        spec.timeout = timeout
        spec.idempotent = idempotent
        return RunRequest(spec: spec, constraints: constraints, detached: detached, idempotencyKey: key)
    }
}
