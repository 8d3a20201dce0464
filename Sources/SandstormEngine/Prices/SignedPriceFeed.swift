import Crypto
package import SandstormCore
package import SandstormRouting
package import SandstormStore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Fetches bytes for a price feed; made by whoever knows HTTP.
package protocol PriceFeedTransport: Sendable {
    /// Gets a document whole.
    ///
    /// - Returns: the body, and what the header `sandstorm-signature` says.
    /// - Throws: `tooLarge` beyond `limit` bytes, `redirected`, or `unreachable`: also past `timeout`, and for every status but 200.
    func get(
        _ url: String, limit: Int, timeout: Duration
    ) async throws(PriceSourceFailure) -> (body: [UInt8], signature: String?)
}

/// A price feed: a document at a URL, signed with Ed25519 by a key that the operator trusts.
///
/// The signature is over the document's bytes as they come, in base64: in the header `sandstorm-signature`, or else in a file of the same
/// name with `.sig` behind it. What is not signed so, not newer than what came before, out of date or out of shape changes nothing.
package struct SignedPriceFeed: PriceSource {
    private let feed: PriceConfiguration.Feed
    private let transport: any PriceFeedTransport

    /// How far the publisher's clock may be ahead.
    private static let clockTolerance = Duration.seconds(300)

    package init(_ feed: PriceConfiguration.Feed, over transport: any PriceFeedTransport) {
        self.feed = feed
        self.transport = transport
    }

    package var name: String { "feed \(feed.url)" }
    package var layer: PriceLayer { .feed }
    package var provider: ProviderID? { nil }
    package var interval: Duration { feed.interval }

    package func fetch(
        after last: PriceFeedRecord?, changing book: PriceBook, at now: Moment
    ) async throws(PriceSourceFailure) -> PriceUpdate? {
        let start = ContinuousClock.now
        let (body, header) = try await transport.get(feed.url, limit: feed.maximumSize, timeout: feed.timeout)
        var signature = header
        if signature == nil {
            let rest = max(feed.timeout - (ContinuousClock.now - start), .milliseconds(1))
            signature = String(
                decoding: try await transport.get(signatureURL, limit: 1024, timeout: rest).body, as: UTF8.self)
        }
        return try update(body, signature: signature ?? "", after: last, at: now)
    }

    /// The address of the signature: behind the path, before a query.
    private var signatureURL: String {
        let end = feed.url.firstIndex { $0 == "?" || $0 == "#" } ?? feed.url.endIndex
        return feed.url[..<end] + ".sig" + feed.url[end...]
    }

    private func update(
        _ body: [UInt8], signature: String, after last: PriceFeedRecord?, at now: Moment
    ) throws(PriceSourceFailure) -> PriceUpdate? {
        let trimmed = signature.filter { !$0.isWhitespace }
        guard let bytes = Data(base64Encoded: trimmed), bytes.count == 64 else {
            throw PriceSourceFailure(.badSignature, "the signature is not the base64 of 64 bytes")
        }
        guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: feed.publicKey) else {
            throw PriceSourceFailure(.badSignature, "the configured public key is none")
        }
        guard key.isValidSignature(bytes, for: body) else {
            throw PriceSourceFailure(.badSignature, "the document is not signed with the configured key")
        }
        let document = try SignedPriceFeed.document(body)
        let digest = Array(SHA256.hash(data: body))
        if let last {
            if document.serial == last.serial, digest == last.digest {
                guard document.expiresAt.moment > now else { throw SignedPriceFeed.expired(document) }
                return nil
            }
            guard document.serial > last.serial else {
                throw PriceSourceFailure(
                    .replayed, "the document has the serial \(document.serial), and number \(last.serial) was accepted before")
            }
        }
        guard document.expiresAt.moment > now else { throw SignedPriceFeed.expired(document) }
        guard document.issuedAt.moment <= now + SignedPriceFeed.clockTolerance else {
            throw PriceSourceFailure(.outOfDate, "the document says it is from \(document.issuedAt), which is yet to come")
        }
        return PriceUpdate(
            documents: document.documents, isComplete: true, reason: "\(name), number \(document.serial) of \(document.issuedAt)",
            feed: PriceFeedRecord(
                key: SignedPriceFeed.name(of: feed.publicKey), serial: document.serial, digest: digest,
                expiresAt: document.expiresAt.moment.date, acceptedAt: now.date))
    }

    private static func expired(_ document: PriceFeedDocument) -> PriceSourceFailure {
        PriceSourceFailure(.outOfDate, "the document held until \(document.expiresAt)")
    }

    private static func document(_ body: [UInt8]) throws(PriceSourceFailure) -> PriceFeedDocument {
        let json: JSONValue
        do throws(JSONSyntaxError) { json = try JSONValue(parsing: body) } catch {
            throw PriceSourceFailure(.malformed, "the document is no JSON: \(error)")
        }
        do throws(InvalidRequest) { return try PriceFeedDocument(json: json) } catch {
            let shown = error.problems.prefix(3).map(\.description).joined(separator: "; ")
            let more = error.problems.count > 3 ? " and \(error.problems.count - 3) more" : ""
            throw PriceSourceFailure(.malformed, "the document is not in order: \(shown)\(more)")
        }
    }

    /// What a key is called in the store.
    static func name(of key: [UInt8]) -> String { Data(key).base64EncodedString() }
}
