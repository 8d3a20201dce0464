package import SandstormCore
package import SandstormRouting

/// What the operator says about prices: the section `prices` of the configuration.
///
/// `{"entries": {…}, "feed": {"url": …, "publicKey": …}, "ratesInterval": …}`; docs/prices.md has it in full.
package struct PriceConfiguration: Hashable, Sendable {
    /// A signed document of prices that is fetched now and then.
    package struct Feed: Hashable, Sendable {
        package var url: String
        /// The 32 bytes of an Ed25519 public key.
        package var publicKey: [UInt8]
        package var interval = Duration.seconds(3600)
        /// For the document and its signature together.
        package var timeout = Duration.seconds(10)
        /// Bytes of the document.
        package var maximumSize = 1024 * 1024

        package init(url: String, publicKey: [UInt8]) {
            self.url = url
            self.publicKey = publicKey
        }
    }

    /// Entries that cover what anybody else says; `null` for one that is to be gone.
    package var documents: [PriceID: JSONValue] = [:]
    package var feed: Feed?
    /// How often providers are asked for their own rates; `nil` for never.
    package var ratesInterval: Duration? = .seconds(3600)

    package init() {}

    /// Reads the section.
    ///
    /// - Throws: ``InvalidRequest`` with every problem; each names the place and what would be right.
    package init(json: JSONValue, at pointer: String) throws(InvalidRequest) {
        self.init()
        var reader = JSONReader(json, at: pointer)
        if let value = reader.value("entries") {
            do throws(InvalidRequest) {
                documents = try PriceBook.checkedDocuments(value, at: "\(pointer)/entries", standard: .configured)
            } catch {
                reader.merge(error.problems)
            }
        }
        if let value = reader.value("feed") { feed = PriceConfiguration.feed(value, at: "\(pointer)/feed", &reader) }
        if let interval = reader.integer("ratesInterval", in: 0...PriceConfiguration.longest, unit: "milliseconds (0 for never)") {
            ratesInterval = interval == 0 ? nil : max(.milliseconds(interval), .seconds(1))
        }
        let problems = reader.finish()
        guard problems.isEmpty else { throw InvalidRequest(problems: problems) }
    }

    /// Everybody who is asked for prices while a gateway runs.
    package func sources(asking providers: [any SandboxProvider], over transport: any PriceFeedTransport) -> [any PriceSource] {
        let rates = ratesInterval.map { interval in providers.map { ProviderRates($0, interval: interval) as any PriceSource } } ?? []
        return rates + (feed.map { [SignedPriceFeed($0, over: transport)] } ?? [])
    }

    /// 30 days.
    private static let longest = 2_592_000_000

    private static func feed(_ value: JSONValue, at pointer: String, _ outer: inout JSONReader) -> Feed? {
        var reader = JSONReader(value, at: pointer)
        let url = reader.read("url", "is no address", remedy: "write https://HOST/PATH") { value in
            value.stringValue.flatMap { isAddress($0) ? $0 : nil }
        }
        let keyRemedy = "write the 32 bytes of an Ed25519 public key in base64"
        let bytes = reader.base64("publicKey")
        let key = bytes.flatMap(PriceConfiguration.publicKey)
        if bytes != nil, key == nil { reader.report("publicKey", "is no Ed25519 public key", remedy: keyRemedy) }
        if reader.problems.isEmpty {
            if url == nil { reader.report("url", "is missing", remedy: "say where the document is") }
            if key == nil { reader.report("publicKey", "is missing", remedy: keyRemedy) }
        }
        let interval = reader.integer("interval", in: 1000...longest, unit: "milliseconds")
        let timeout = reader.integer("timeout", in: 100...300_000, unit: "milliseconds")
        let size = reader.integer("maximumSize", in: 1024...16_777_216, unit: "bytes")
        outer.merge(reader.finish())
        guard let url, let key else { return nil }
        var feed = Feed(url: url, publicKey: key)
        if let interval { feed.interval = .milliseconds(interval) }
        if let timeout { feed.timeout = .milliseconds(timeout) }
        if let size { feed.maximumSize = size }
        return feed
    }

    private static func isAddress(_ text: String) -> Bool {
        guard let scheme = ["https://", "http://"].first(where: { text.hasPrefix($0) }) else { return false }
        let rest = text.dropFirst(scheme.count)
        return !rest.isEmpty && !"/?#".contains(rest.first ?? "/") && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }

    /// The key by itself, or as `openssl pkey -pubout` writes it, with the twelve bytes before it that say what it is.
    private static func publicKey(_ bytes: [UInt8]) -> [UInt8]? {
        let prefix: [UInt8] = [0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00]
        if bytes.count == 32 { return bytes }
        return bytes.count == 44 && bytes.starts(with: prefix) ? Array(bytes.dropFirst(12)) : nil
    }
}
