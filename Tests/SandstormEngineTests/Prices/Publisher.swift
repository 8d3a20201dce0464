import Crypto
import Foundation
import SandstormCore
import SandstormEngine
import SandstormTestSupport

/// Whoever signs and publishes prices, and the way to them, in the test's hands.
final class Publisher: PriceFeedTransport {
    private struct State {
        var answers: [String: Result<(body: [UInt8], signature: String?), PriceSourceFailure>] = [:]
        var asked: [String] = []
    }

    let key = Curve25519.Signing.PrivateKey()
    private let state = Locked(State())

    static let url = "https://prices.test/list.json?plan=a"

    var feed: PriceConfiguration.Feed {
        var feed = PriceConfiguration.Feed(url: Publisher.url, publicKey: Array(key.publicKey.rawRepresentation))
        feed.interval = .milliseconds(10)
        return feed
    }

    var configuration: PriceConfiguration {
        var configuration = PriceConfiguration()
        configuration.feed = feed
        return configuration
    }

    /// Every address that was asked for, in order.
    var asked: [String] { state.withLock { $0.asked } }

    /// A document with one entry.
    static func document(
        serial: Int, usd: String = "0.5", issuedAt: String = "2026-11-01T00:00:00Z", expiresAt: String = "2099-01-01T00:00:00Z"
    ) -> [UInt8] {
        Array(
            """
            {"serial": \(serial), "issuedAt": "\(issuedAt)", "expiresAt": "\(expiresAt)",
             "entries": {"fed": {"cpu": {"usd": "\(usd)", "per": "hour"}}}}
            """.utf8)
    }

    func signature(of body: [UInt8]) throws -> String { Data(try key.signature(for: body)).base64EncodedString() }

    /// Publishes a document with its signature, or with another.
    func publish(_ body: [UInt8], signature: String?? = nil) throws {
        let signed = try signature ?? self.signature(of: body)
        state.withLock { $0.answers[Publisher.url] = .success((body, signed)) }
    }

    func answer(_ url: String = Publisher.url, _ answer: Result<(body: [UInt8], signature: String?), PriceSourceFailure>) {
        state.withLock { $0.answers[url] = answer }
    }

    func get(
        _ url: String, limit: Int, timeout: Duration
    ) async throws(PriceSourceFailure) -> (body: [UInt8], signature: String?) {
        let answer = state.withLock { state in
            state.asked.append(url)
            return state.answers[url]
        }
        guard let answer else { throw PriceSourceFailure(.unreachable, "nothing is there") }
        return try answer.get()
    }
}

/// A clock that stands still until it is told to go on.
final class PriceClock: Sendable {
    private let date = Locked(Date(timeIntervalSince1970: 1_795_000_000))

    var now: Date { date.withLock { $0 } }

    func advance(by seconds: Double) { date.withLock { $0 += seconds } }
}
