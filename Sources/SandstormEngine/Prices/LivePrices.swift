package import SandstormCore
package import SandstormRouting
package import SandstormStore

#if canImport(FoundationEssentials)
package import FoundationEssentials
#else
package import Foundation
#endif

/// The price book as it stands, with all that has ever changed in it.
///
/// Readers see one whole book at a time. A change is in the store before anybody sees it, so that what was charged by it can be worked out
/// again.
package final class LivePrices: Sendable {
    private struct State {
        /// `nil` until somebody asks: most programs that run something never do.
        var kept: PriceHistory?
        let make: @Sendable () -> PriceHistory
        var feed: PriceFeedRecord?
        var statuses: [String: PriceSourceStatus] = [:]

        var history: PriceHistory {
            mutating get {
                if let kept { return kept }
                let made = make()
                kept = made
                return made
            }
            set { kept = newValue }
        }
    }

    private let state: Locked<State>
    private let store: (any Store)?
    private let configuration: PriceConfiguration
    private let now: @Sendable () -> Date
    private let changing = Turnstile()

    /// - Parameters:
    ///   - shipped: what comes with the program, as it is written.
    ///   - store: where changes are kept; `nil` for a program that keeps none.
    package init(
        _ configuration: PriceConfiguration = PriceConfiguration(),
        shipped: @escaping @Sendable () -> JSONValue = { PriceBook.shippedDocument },
        store: (any Store)? = nil, now: @escaping @Sendable () -> Date = { .thisMillisecond }
    ) {
        self.configuration = configuration
        self.store = store
        self.now = now
        let began = now()
        state = Locked(
            State {
                var history = PriceHistory()
                LivePrices.lay(shipped(), configuration, on: &history, at: Moment(date: began))
                return history
            })
    }

    /// Prices over a store, with all that it has kept.
    ///
    /// - Throws: ``StoreError`` if what has changed since cannot be kept.
    package static func open(
        _ configuration: PriceConfiguration, shipped: JSONValue = PriceBook.shippedDocument, store: any Store,
        now: @escaping @Sendable () -> Date = { .thisMillisecond }
    ) async throws(StoreError) -> LivePrices {
        let prices = LivePrices(configuration, shipped: { shipped }, store: store, now: now)
        var history = PriceHistory(try await store.priceChanges().compactMap(PriceRecord.init))
        let feedKey = configuration.feed.map { SignedPriceFeed.name(of: $0.publicKey) }
        var feed: PriceFeedRecord?
        if let feedKey { feed = try await store.priceFeed(key: feedKey) }
        let at = Moment(date: now())
        var changes = LivePrices.lay(shipped, configuration, on: &history, at: at)
        // Nobody vouches any more for what came from elsewhere.
        if feed == nil { changes += history.set(.feed, to: [:], reason: "no document of the configured feed was accepted yet", at: at) }
        if !changes.isEmpty { _ = try await store.keep(changes.map(PriceChangeRecord.init), of: nil) }
        let opened = (history, feed)
        prices.state.withLock { ($0.history, $0.feed) = opened }
        return prices
    }

    @discardableResult
    private static func lay(
        _ shipped: JSONValue, _ configuration: PriceConfiguration, on history: inout PriceHistory, at now: Moment
    ) -> [PriceRecord] {
        var documents: [PriceID: JSONValue] = [:]
        for member in shipped["entries"]?.objectValue?.members ?? [] { PriceID(parsing: member.key).map { documents[$0] = member.value } }
        let changes = history.set(.shipped, to: documents, reason: "came with this version", at: now)
        return changes + history.set(.configuration, to: configuration.documents, reason: "the configuration", at: now)
    }

    // MARK: Reading

    /// The prices of now.
    package var book: PriceBook { state.withLock { $0.history.current } }

    /// What `provider` charges for its sandboxes at this moment; `nil` while that is not known.
    package func schedule(of provider: ProviderID) -> PriceSchedule? { try? book.price(of: provider).schedule }

    /// All changes, and the prices of any moment since the first.
    package var history: PriceHistory { state.withLock { $0.history } }

    /// Every source that was asked, in the order of their names.
    package var statuses: [PriceSourceStatus] { state.withLock { $0.statuses.values.sorted { $0.name < $1.name } } }

    /// How fresh the price of an entry is.
    ///
    /// - Parameter price: `nil` if the entry has none.
    package func freshness(of id: PriceID, _ price: BookPrice?) -> PriceFreshness {
        let (record, statuses, feed) = state.withLock { ($0.history.inForce[id], $0.statuses.values.map(\.self), $0.feed) }
        let now = Moment(date: now())
        let sources = statuses.filter { $0.provider == nil || $0.provider == id.provider }
        let layer = record?.layer ?? .shipped
        let isStale = layer == .feed && feed.map { Moment(date: $0.expiresAt) <= now } ?? true
        let failures = layer == .configuration ? [] : sources.compactMap { source in source.failure.map { "\(source.name): \($0)" } }
        // What was told again is as fresh as the last time that it was told.
        let confirmed = layer == .rates ? sources.first { $0.layer == .rates }?.answeredAt : nil
        let dates = price?.amounts.map { $0.read?.moment ?? confirmed ?? record?.at ?? now } ?? []
        let certainty = max(price?.certainty ?? .uncertain, isStale ? .uncertain : .configured)
        return PriceFreshness(
            origin: layer.rawValue, certainty: certainty.rawValue, age: dates.min().map { max(now - $0, .zero) },
            sources: (price.map { price in price.amounts + price.rounding.filter { !price.amounts.contains($0) } } ?? []).map {
                PriceFreshness.Source(text: $0.text, read: $0.read?.description, certainty: $0.certainty.rawValue)
            }, isRoundingUncertain: price?.roundingCertainty == .uncertain, isStale: isStale,
            detail: failures.isEmpty ? nil : failures.sorted().joined(separator: "; "))
    }

    // MARK: Refreshing

    /// What became of asking a source.
    package enum Outcome: Hashable, Sendable {
        case changed(Int)
        case unchanged
        case failed(PriceSourceFailure)
    }

    /// Asks a source and takes over what it says, if that is in order. Whatever else happens, prices stay as they are.
    package func refresh(from source: any PriceSource) async -> Outcome {
        let asked = Moment(date: now())
        let (last, book) = state.withLock { ($0.feed, $0.history.book(upTo: source.layer)) }
        let outcome: Outcome
        do throws(PriceSourceFailure) {
            let update = try await source.fetch(after: source.layer == .feed ? last : nil, changing: book, at: asked)
            if let update { outcome = try await take(update, from: source) } else { outcome = .unchanged }
        } catch {
            outcome = .failed(error)
        }
        let answered = Moment(date: now())
        state.withLock { state in
            var status = state.statuses[source.name] ?? PriceSourceStatus(name: source.name, layer: source.layer, provider: source.provider)
            status.askedAt = asked
            if case .failed(let failure) = outcome {
                status.failure = failure
            } else {
                status.failure = nil
                status.answeredAt = answered
            }
            if source.layer == .feed {
                status.serial = state.feed?.serial
                status.expiresAt = state.feed.map { Moment(date: $0.expiresAt) }
            }
            state.statuses[source.name] = status
        }
        return outcome
    }

    private func take(_ update: PriceUpdate, from source: any PriceSource) async throws(PriceSourceFailure) -> Outcome {
        do throws(EngineError) {
            return try await changing.pass { () async throws(EngineError) in
                var history = self.history
                // A source of a provider speaks for that provider's entries alone.
                let documents = update.documents.filter { source.provider == nil || $0.key.provider == source.provider }
                let changes = history.set(
                    source.layer, to: documents, only: update.isComplete ? nil : [], reason: update.reason, at: Moment(date: now()))
                if let store, !changes.isEmpty || update.feed != nil {
                    let isNew: Bool
                    do throws(StoreError) {
                        isNew = try await store.keep(changes.map(PriceChangeRecord.init), of: update.feed)
                    } catch {
                        throw EngineError(error)
                    }
                    guard isNew else { return .failed(PriceSourceFailure(.replayed, "a newer document was accepted meanwhile")) }
                }
                state.withLock { state in
                    state.history = history
                    if let feed = update.feed { state.feed = feed }
                }
                return changes.isEmpty ? .unchanged : .changed(changes.count)
            }
        } catch {
            throw PriceSourceFailure(.notKept, "the change could not be kept: \(error)")
        }
    }
}

extension PriceChangeRecord {
    init(_ record: PriceRecord) {
        self.init(
            at: record.at.date, layer: record.layer.rawValue, entry: record.entry.description, document: record.document,
            reason: record.reason)
    }
}

extension PriceRecord {
    /// `nil` for a layer or a name that this version does not know.
    init?(_ record: PriceChangeRecord) {
        guard let layer = PriceLayer(rawValue: record.layer), let entry = PriceID(parsing: record.entry) else { return nil }
        self.init(at: Moment(date: record.at), layer: layer, entry: entry, document: record.document, reason: record.reason)
    }
}
