package import LocalProvider
package import Logging
package import SandstormCore
package import SandstormEngine
package import SandstormStore

/// A gateway's inner parts over one data directory: SQLite, sandboxes on this machine, and the engine above them.
///
/// The one place that puts them together, for the SDK and for `sandstorm serve` alike.
package struct EmbeddedGateway: Sendable {
    package let store: any Store
    package let local: LocalProvider
    package let engine: Engine

    /// Opens a data directory, making it if need be.
    ///
    /// - Parameters:
    ///   - exclusive: for a gateway that serves others; such a directory has one owner at a time.
    ///   - local: how sandboxes on this machine are set up.
    ///   - warm: which sandboxes are kept ready.
    ///   - routing: rules, budgets and thresholds.
    ///   - others: makes the providers beside this machine's sandboxes, which may ask the price book.
    ///   - prices: what the operator says about prices.
    /// - Throws: ``SandstormError`` of kind `configuration`.
    package init(
        opening directory: DataDirectory, exclusive: Bool, local settings: LocalSettings = LocalSettings(), warm: WarmSetting = .count(0),
        routing: RoutingSettings = RoutingSettings(),
        beside others: (LivePrices) throws(SandstormError) -> [any SandboxProvider] = { _ in [] },
        prices: PriceConfiguration = PriceConfiguration(), logger: Logger
    ) async throws(SandstormError) {
        // First of all: whoever comes first makes it, and the provider would let others look into it.
        do throws(StoreError) { try SQLiteStore.prepare(directory: directory.path) } catch { throw SandstormError(error) }
        // Looking at the machine takes longer than opening the store; both at once is what a short run waits for.
        async let provider = EmbeddedGateway.provider(in: directory, settings)
        store = try await EmbeddedGateway.store(in: directory, exclusive: exclusive)
        local = await provider
        var configuration = EngineConfiguration()
        // A program that embeds the engine is not there to keep sandboxes alive, neither its own nor a gateway's.
        configuration.adoptsSandboxes = exclusive
        configuration.routing = routing
        switch warm {
        case .count(let count): if count > 0 { configuration.warmPools = [WarmPool(count: count)] }
        case .automatic(let budget): configuration.automaticPools = AutomaticPools(budget: budget)
        }
        let book = try await EmbeddedGateway.prices(prices, in: exclusive ? store : nil)
        let providers = [local] + (try others(book))
        engine = Engine(
            providers: providers, store: store, configuration: configuration,
            prices: book,
            refreshedBy: prices.sources(asking: providers, over: HTTPPriceFeed()), learned: await Engine.learned(in: store), logger: logger)
    }

    /// The price book. A program that shares its directory with others keeps no history of it, and says what came with it.
    private static func prices(_ configuration: PriceConfiguration, in store: (any Store)?) async throws(SandstormError) -> LivePrices {
        guard let store else { return LivePrices(configuration) }
        do throws(StoreError) { return try await LivePrices.open(configuration, store: store) } catch { throw SandstormError(error) }
    }

    /// Opens the store alone, for what needs no sandbox.
    ///
    /// - Parameter locking: `false` to look after a data directory whose gateway may be running.
    package static func store(
        in directory: DataDirectory, exclusive: Bool = false, locking: Bool = true
    ) async throws(SandstormError) -> any Store {
        do throws(StoreError) {
            return try await SQLiteStore.open(directory: directory.path, exclusive: exclusive, locking: locking)
        } catch {
            throw SandstormError(error)
        }
    }

    /// Sandboxes on this machine, as the data directory's owner has them.
    package static func provider(in directory: DataDirectory, _ settings: LocalSettings = LocalSettings()) async -> LocalProvider {
        var configuration = LocalProvider.Configuration(dataDirectory: directory.path)
        configuration.price = settings.price
        configuration.allowedPrivateNetworks = settings.privateNetworks
        configuration.sharesHostNetwork = settings.sharesHostNetwork
        return await LocalProvider(configuration: configuration)
    }

    /// Ends what nobody detached, waits until all is settled, and closes the files.
    package func close() async {
        await engine.shutDown()
        await store.close()
    }
}
