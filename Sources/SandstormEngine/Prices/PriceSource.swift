package import SandstormCore
package import SandstormRouting
package import SandstormStore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Somebody who is asked for prices now and then, while the gateway runs.
package protocol PriceSource: Sendable {
    /// In words: `feed https://prices.example/prices.json`, `rates of modal`.
    var name: String { get }
    /// The layer of the book that it speaks for.
    var layer: PriceLayer { get }
    /// The provider of which it tells; `nil` if of any.
    var provider: ProviderID? { get }
    var interval: Duration { get }

    /// Asks. Must end by itself within bounded time, and when its task is cancelled.
    ///
    /// - Parameters:
    ///   - last: the last document of it that was accepted, if it numbers them.
    ///   - book: the prices as they stand.
    /// - Returns: `nil` if there is nothing to say, or nothing new.
    /// - Throws: ``PriceSourceFailure``; nothing is changed then.
    func fetch(after last: PriceFeedRecord?, changing book: PriceBook, at now: Moment) async throws(PriceSourceFailure) -> PriceUpdate?
}

/// What a source says.
package struct PriceUpdate: Sendable {
    package var documents: [PriceID: JSONValue]
    /// Whether entries that it does not name are to go from its layer.
    package var isComplete: Bool
    package var reason: String
    /// The document that says it, if those are numbered.
    package var feed: PriceFeedRecord?

    package init(documents: [PriceID: JSONValue], isComplete: Bool, reason: String, feed: PriceFeedRecord? = nil) {
        self.documents = documents
        self.isComplete = isComplete
        self.reason = reason
        self.feed = feed
    }
}

/// Why a source could not be believed, or not be asked. Prices are as they were before.
package struct PriceSourceFailure: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        /// No answer in time, or none at all.
        case unreachable
        /// It sends elsewhere, which is not followed.
        case redirected
        case tooLarge
        /// Not signed, or not by the configured key.
        case badSignature
        /// Signed, but no document of prices.
        case malformed
        /// Older than what was accepted before.
        case replayed
        /// It says itself that it does not hold any more, or not yet.
        case outOfDate
        /// The store could not keep it.
        case notKept
    }

    package var kind: Kind
    package var detail: String

    package init(_ kind: Kind, _ detail: String) {
        self.kind = kind
        self.detail = detail
    }

    package var description: String { detail }
}

/// How a source is.
package struct PriceSourceStatus: Hashable, Sendable {
    package var name: String
    package var layer: PriceLayer
    package var provider: ProviderID?
    package var askedAt: Moment?
    /// When it last answered as it should.
    package var answeredAt: Moment?
    /// Why the last answer was none; `nil` if it was one.
    package var failure: PriceSourceFailure?
    package var serial: Int64?
    package var expiresAt: Moment?

    /// What it said does not hold any more.
    package func isStale(at now: Moment) -> Bool { expiresAt.map { $0 <= now } ?? false }
}

extension PriceSourceStatus {
    /// The form of the native API.
    package var json: JSONValue { json(at: Moment(date: .thisMillisecond)) }

    private func json(at now: Moment) -> JSONValue {
        var object: JSONObject = [
            "name": .string(name), "origin": .string(layer.rawValue), "healthy": .bool(failure == nil), "stale": .bool(isStale(at: now)),
        ]
        object["provider"] = provider.map { .string($0.rawValue) }
        object["askedAt"] = askedAt.map { .string($0.date.rfc3339) }
        object["answeredAt"] = answeredAt.map { .string($0.date.rfc3339) }
        object["failure"] = failure.map { .string($0.kind.rawValue) }
        object["detail"] = failure.map { .string($0.detail) }
        object["serial"] = serial.map { .integer($0) }
        object["expiresAt"] = expiresAt.map { .string($0.date.rfc3339) }
        return .object(object)
    }
}
