import Dispatch
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
    ///   - localPrice: what a sandbox on this machine costs.
    ///   - warm: how many sandboxes of the standard shape are kept ready.
    ///   - others: providers beside this machine's sandboxes.
    /// - Throws: ``SandstormError`` of kind `configuration`.
    package init(
        opening directory: DataDirectory, exclusive: Bool, localPrice: PriceSchedule = .free, warm: Int = 0,
        beside others: [any SandboxProvider] = [], logger: Logger
    ) async throws(SandstormError) {
        // Looking at the machine takes longer than opening the store; both at once is what a short run waits for.
        async let provider = EmbeddedGateway.provider(in: directory, price: localPrice)
        store = try await EmbeddedGateway.store(in: directory, exclusive: exclusive)
        local = await provider
        var configuration = EngineConfiguration()
        // A program that embeds the engine is not there to keep sandboxes alive, neither its own nor a gateway's.
        configuration.adoptsSandboxes = exclusive
        if warm > 0 { configuration.warmPools = [WarmPool(count: warm)] }
        engine = Engine(providers: [local] + others, store: store, configuration: configuration, logger: logger)
    }

    /// Opens the store alone, for what needs no sandbox.
    ///
    /// - Parameter locking: `false` to look after a data directory whose gateway may be running.
    package static func store(
        in directory: DataDirectory, exclusive: Bool = false, locking: Bool = true
    ) async throws(SandstormError) -> any Store {
        // Opening waits for locks and may migrate: not on a thread that all tasks share.
        let result: Result<SQLiteStore, StoreError> = await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(
                    returning: Result { () throws(StoreError) in
                        try SQLiteStore(directory: directory.path, exclusive: exclusive, locking: locking)
                    })
            }
        }
        do {
            return try result.get()
        } catch {
            throw SandstormError(error)
        }
    }

    /// Sandboxes on this machine, as the data directory's owner has them.
    package static func provider(in directory: DataDirectory, price: PriceSchedule = .free) async -> LocalProvider {
        var configuration = LocalProvider.Configuration(dataDirectory: directory.path)
        configuration.price = price
        return await LocalProvider(configuration: configuration)
    }

    /// Ends what nobody detached, waits until all is settled, and closes the files.
    package func close() async {
        await engine.shutDown()
        await store.close()
    }
}
