import Foundation
import SandstormCore
import SandstormEngine
import SandstormRouting
import SandstormStore
import SandstormTestSupport
import Testing

@Suite("Prices of a running gateway") struct LivePricesTests {
    private static let resources = Resources(milliCPU: 2000, memoryMiB: 2048, diskGiB: 1)

    private static func cost(_ book: PriceBook, _ provider: ProviderID) -> Money? {
        (try? book.price(of: provider))?.schedule.cost(of: resources, for: .seconds(60))
    }

    private static func configuration(_ entries: String) throws -> PriceConfiguration {
        try PriceConfiguration(json: try JSONValue(parsing: "{\"entries\": {\(entries)}}"), at: "/prices")
    }

    @Test func `an old run is priced by what held when it ran, restarts and new versions later`() async throws {
        let directory = try TemporaryDirectory()
        let clock = PriceClock()
        func version(_ usd: String) throws -> JSONValue {
            let source = #""sources": {"s": {"text": "a page", "read": "2026", "certainty": "published"}}"#
            return try JSONValue(
                parsing: "{\"entries\": {\"x\": {\(source), \"cpu\": {\"usd\": \"\(usd)\", \"per\": \"hour\", \"source\": \"s\"}}}}")
        }
        var told: [(at: Moment, cost: Money?)] = []
        for (shipped, override) in [("0.06", nil), ("0.12", nil), ("0.12", "0.00005"), ("0.18", "0.00005"), ("0.18", nil)]
            as [(String, String?)]
        {
            let store = try await SQLiteStore.open(directory: directory.path)
            let configuration = try override.map { try Self.configuration("\"x\": {\"cpu\": \"\($0)\"}") } ?? PriceConfiguration()
            let prices = try await LivePrices.open(configuration, shipped: try version(shipped), store: store, now: { clock.now })
            told.append((Moment(milliseconds: Int64(clock.now.timeIntervalSince1970 * 1000)), Self.cost(prices.book, "x")))
            for (at, cost) in told { #expect(Self.cost(prices.history.book(at: at), "x") == cost) }
            await store.close()
            clock.advance(by: 3600)
        }
        #expect(told.map(\.cost) == ["0.002", "0.004", "0.006", "0.006", "0.006"])
    }

    @Test func `a restart that changes nothing keeps nothing`() async throws {
        let directory = try TemporaryDirectory()
        var counts: [Int] = []
        for _ in 0..<2 {
            let store = try await SQLiteStore.open(directory: directory.path)
            _ = try await LivePrices.open(PriceConfiguration(), store: store)
            counts.append(try await store.priceChanges().count)
            await store.close()
        }
        #expect(counts == [PriceBook.shipped.entries.count, PriceBook.shipped.entries.count])
    }

    @Test func `a provider's own rates cover what was published, and the operator covers both`() async throws {
        let provider = ScriptedProvider(id: "modal")
        provider.behave { $0.rates = .success([ProviderRate(.vCPUs(2), Rate(picodollars: 20_000_000))]) }
        let directory = try TemporaryDirectory()
        let store = try await SQLiteStore.open(directory: directory.path)
        let prices = try await LivePrices.open(PriceConfiguration(), store: store)
        let source = ProviderRates(provider, interval: .seconds(1))
        #expect(Self.cost(prices.book, "modal") == "0.0031656")
        #expect(await prices.refresh(from: source) == .changed(1))
        // 60 × (0.00002 + 2 × 0.00000667)
        #expect(Self.cost(prices.book, "modal") == "0.0020004")
        #expect(await prices.refresh(from: source) == .unchanged)
        let freshness = prices.freshness(of: PriceID("modal"), try prices.book.price(of: "modal"))
        #expect(freshness.origin == "rates" && freshness.certainty == "published")
        // The least sure amounts first, then how time is rounded.
        #expect(freshness.sources.map(\.certainty) == ["published", "observed", "published"])
        provider.behave { $0.rates = .failure(ProviderError(.unavailable, "down")) }
        guard case .failed(let failure) = await prices.refresh(from: source) else {
            Issue.record("a failed call was believed")
            return
        }
        #expect(failure.kind == .unreachable)
        #expect(Self.cost(prices.book, "modal") == "0.0020004")
        #expect(prices.freshness(of: PriceID("modal"), nil).detail?.contains("down") == true)
        #expect(prices.freshness(of: PriceID("e2b"), nil).detail == nil)
        await store.close()
        let again = try await SQLiteStore.open(directory: directory.path)
        let overridden = try await LivePrices.open(try Self.configuration(#""modal": {"cpu": "0"}"#), store: again)
        #expect(Self.cost(overridden.book, "modal") == .zero)
        let restored = try await LivePrices.open(PriceConfiguration(), store: again)
        #expect(Self.cost(restored.book, "modal") == "0.0020004")
        await again.close()
    }

    @Test func `a provider that does not answer is given up in time`() async throws {
        let provider = ScriptedProvider(id: "modal")
        provider.behave { $0.ratesDelay = .seconds(3600) }
        let prices = LivePrices()
        let start = ContinuousClock.now
        let outcome = await prices.refresh(from: ProviderRates(provider, interval: .seconds(1), timeout: .milliseconds(50)))
        guard case .failed(let failure) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(failure.detail.contains("no answer within 50 ms"))
        #expect(ContinuousClock.now - start < .seconds(60))
    }

    @Test func `a provider without such a call is no source of anything`() async throws {
        let prices = LivePrices()
        #expect(await prices.refresh(from: ProviderRates(ScriptedProvider(id: "e2b"), interval: .seconds(1))) == .unchanged)
        #expect(prices.history.documents(of: .rates).isEmpty)
    }

    @Test func `an engine asks its sources by itself, and stops when it is stopped`() async throws {
        let provider = ScriptedProvider(id: "fed")
        let publisher = Publisher()
        var configuration = publisher.configuration
        configuration.ratesInterval = .milliseconds(10)
        let gateway = try await TestGateway([provider], prices: configuration, transport: publisher)
        let prices = try #require(gateway.engine.livePrices)
        let running = Task { try await gateway.engine.run() }
        #expect(await eventually { prices.statuses.count == 2 && prices.statuses.contains { $0.failure?.kind == .unreachable } })
        try publisher.publish(Publisher.document(serial: 1))
        provider.behave { $0.rates = .success([ProviderRate(.memoryGiB, Rate(picodollars: 7))]) }
        #expect(await eventually(within: .seconds(90)) { prices.history.documents(of: .feed).count == 1 })
        #expect(await eventually { prices.history.documents(of: .rates).count == 1 })
        #expect(
            gateway.engine.metrics.prometheusText().contains("sandstorm_price_refreshes_total{source=\"feed\",result=\"unreachable\"}")
                || gateway.engine.metrics.prometheusText().contains("result=\"unreachable\",source=\"feed\""))
        running.cancel()
        _ = try? await running.value
        let asked = publisher.asked.count
        await gateway.store.close()
        #expect(publisher.asked.count == asked)
    }

    @Test func `offers of a place with an account are as fresh as the book's price that they bear`() async throws {
        let book = PriceBook.shipped
        let modal = ScriptedProvider(id: "modal", price: try book.price(of: "modal").schedule)
        let own = ScriptedProvider(id: "own", price: PriceSchedule(perVCPUSecond: Rate(picodollars: 5)))
        let gateway = try await TestGateway([modal, own], prices: PriceConfiguration())
        let quotes = gateway.engine.prices(of: SandboxSpec(), for: .seconds(60), scope: .mine)
        #expect(quotes.map(\.freshness.origin) == ["provider", "shipped"])
        #expect(quotes.last?.freshness.certainty == "published")
        await gateway.stop()
    }
}

@Suite("The configuration of prices") struct PriceConfigurationTests {
    private static let key = Data(repeating: 7, count: 32).base64EncodedString()

    private static func problems(_ text: String) throws -> [String] {
        let json = try JSONValue(parsing: text)
        do throws(InvalidRequest) {
            _ = try PriceConfiguration(json: json, at: "/prices")
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    @Test func `is read whole`() throws {
        let json = try JSONValue(
            parsing: """
                {"entries": {"morph": {"cpu": "0.00002"}, "modal.function": null}, "ratesInterval": 0,
                 "feed": {"url": "https://prices.example/a.json", "publicKey": "\(Self.key)", "interval": 60000, "timeout": 500,
                          "maximumSize": 2048}}
                """)
        let configuration = try PriceConfiguration(json: json, at: "/prices")
        #expect(configuration.documents.keys.map(\.description).sorted() == ["modal.function", "morph"])
        #expect(configuration.ratesInterval == nil)
        let feed = try #require(configuration.feed)
        #expect(feed.publicKey == Array(repeating: 7, count: 32))
        #expect(feed.interval == .seconds(60) && feed.timeout == .milliseconds(500) && feed.maximumSize == 2048)
        #expect(
            configuration.sources(asking: [ScriptedProvider()], over: Publisher()).map(\.name) == ["feed https://prices.example/a.json"])
        #expect(try PriceConfiguration(json: [:], at: "/prices") == PriceConfiguration())
        #expect(PriceConfiguration().sources(asking: [ScriptedProvider()], over: Publisher()).map(\.name) == ["rates of scripted"])
    }

    @Test func `a key may be as openssl writes it`() throws {
        let prefix: [UInt8] = [0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00]
        let key = Data(prefix + Array(repeating: 9, count: 32)).base64EncodedString()
        let json = try JSONValue(parsing: "{\"feed\": {\"url\": \"http://127.0.0.1:1/\", \"publicKey\": \"\(key)\"}}")
        #expect(try PriceConfiguration(json: json, at: "").feed?.publicKey == Array(repeating: 9, count: 32))
    }

    @Test(
        "what is wrong is told with its place and the remedy",
        arguments: [
            (#"[]"#, "/prices: must be an object"),
            (#"{"entriez": {}}"#, "/prices/entriez: is not a known field; did you mean \"entries\"?"),
            (#"{"entries": {"e2b": {"cpu": "x"}}}"#, "/prices/entries/e2b/cpu/usd: must be an amount of dollars; write dollars"),
            (#"{"feed": {}}"#, "/prices/feed/url: is missing"),
            (#"{"feed": {"url": "https://a"}}"#, "/prices/feed/publicKey: is missing; write the 32 bytes"),
            (#"{"feed": {"url": "ftp://a", "publicKey": "AAAA"}}"#, "/prices/feed/url: is no address; write https://HOST/PATH"),
            (#"{"feed": {"url": "https://a b", "publicKey": "AAAA"}}"#, "/prices/feed/url: is no address"),
            (#"{"feed": {"url": "https:///a", "publicKey": "AAAA"}}"#, "/prices/feed/url: is no address"),
            (#"{"feed": {"url": "https://a", "publicKey": "AAAA"}}"#, "/prices/feed/publicKey: is no Ed25519 public key"),
            (#"{"feed": {"url": "https://a", "publicKey": "%"}}"#, "/prices/feed/publicKey: is not base64"),
            (#"{"feed": {"interval": 5}}"#, "/prices/feed/interval: is not a whole number in range"),
            (#"{"ratesInterval": -1}"#, "/prices/ratesInterval: is not a whole number in range"),
        ])
    func refusals(text: String, told: String) throws {
        let problems = try Self.problems(text)
        #expect(problems.contains { $0.hasPrefix(told) }, "\(problems)")
    }
}
