package import SandstormCore

#if canImport(FoundationEssentials)
package import FoundationEssentials
#else
package import Foundation
#endif

/// A change of prices as it is kept: one entry of one layer of the price book.
package struct PriceChangeRecord: Hashable, Sendable {
    package var at: Date
    /// The layer's name: `shipped`, `feed`.
    package var layer: String
    /// The entry's name: `modal.function`.
    package var entry: String
    /// What the layer says of the entry from then on; `nil` if nothing any more, which is not the same as JSON's `null`.
    package var document: JSONValue?
    /// What brought the change, in words.
    package var reason: String

    package init(at: Date, layer: String, entry: String, document: JSONValue?, reason: String) {
        self.at = at
        self.layer = layer
        self.entry = entry
        self.document = document
        self.reason = reason
    }
}

/// The last document that was accepted of whoever holds a key for signing prices.
package struct PriceFeedRecord: Hashable, Sendable {
    /// The public key, in base64.
    package var key: String
    /// Only a document with a greater number is accepted after it.
    package var serial: Int64
    /// SHA-256 of the document, by which it is known again.
    package var digest: [UInt8]
    package var expiresAt: Date
    package var acceptedAt: Date

    package init(key: String, serial: Int64, digest: [UInt8], expiresAt: Date, acceptedAt: Date) {
        self.key = key
        self.serial = serial
        self.digest = digest
        self.expiresAt = expiresAt
        self.acceptedAt = acceptedAt
    }
}
