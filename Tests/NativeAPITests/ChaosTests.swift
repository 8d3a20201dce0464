import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import SandstormCore
import SandstormEngine
import SandstormStore
import SandstormTestSupport
import Testing

/// Providers refuse, stall, die in the middle and recover, while many callers run code through the HTTP API.
@Suite("Chaos", .serialized) struct ChaosTests {
    private static let runs = 10_000
    private static let callers = 48
    /// After so many runs the weather changes.
    private static let spell = 250
    /// How long a caller waits for the start, and how much longer for the answer: the machine may be busy.
    private static let patience = (start: Duration.seconds(20), answer: Duration.seconds(40))
    /// Of the processes of a spell in which a place kills some.
    private static let deathsOfASpell = 6

    private enum Weather: CaseIterable {
        case fair, full, unwell, stalling, deadly, throttled
    }

    /// What the providers do in each spell; the last one is dear and always well.
    private static let forecast: [[Weather]] = [
        [.fair, .full, .fair, .stalling, .fair, .deadly, .unwell, .fair],
        [.fair, .fair, .unwell, .fair, .throttled, .fair, .stalling, .deadly],
        [.stalling, .fair, .deadly, .fair, .full, .throttled, .fair, .fair],
    ]

    /// What the callers were told.
    private struct Tally: Sendable {
        var begun = 0
        var states: [String: Int] = [:]
        var failures: [String: Int] = [:]
        var odd: [String] = []
        var ids: Set<String> = []
        var slowest = Duration.zero
    }

    @Test(.timeLimit(.minutes(10)))
    func `ten thousand runs in foul weather are all answered in time, run once, and leave nothing`() async throws {
        let providers = Self.forecast.indices.map { index in
            ScriptedProvider(
                id: ProviderID("cheap\(index)"), price: PriceSchedule(perVCPUSecond: Rate(picodollars: 1_000_000 * Int64(index + 1))),
                script: [.output("done"), .exit(0)])
        }
        let dear = ScriptedProvider(
            id: "dear", price: PriceSchedule(perVCPUSecond: Rate(picodollars: 100_000_000)), script: [.output("done"), .exit(0)])
        let all = providers + [dear]
        var configuration = TestGateway.quick
        configuration.reconnectTime = .seconds(30)
        configuration.routing.hedging = true
        let api = try await TestAPI(all, engine: configuration)
        let tally = Locked(Tally())
        try await api.serve { server in
            var settings = HTTPClient.Configuration()
            settings.httpVersion = .http1Only
            settings.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = Self.callers
            try await HTTPClient.withHTTPClient(configuration: settings) { client in
                await withTaskGroup(of: Void.self) { group in
                    for _ in 0..<Self.callers {
                        group.addTask {
                            while let number = Self.take(tally) {
                                if number % Self.spell == 0 { Self.turn(providers, number / Self.spell) }
                                await Self.run(number, at: server.url, client, tally)
                            }
                        }
                    }
                }
            }
            Self.clear(providers)
            let engine = api.gateway.engine
            #expect(await eventually { all.allSatisfy { $0.livingCount == 0 } })
            #expect(engine.metrics.prometheusText().contains("sandstorm_runs_active 0\n"))
            #expect(try await api.gateway.store.unsettledRuns().isEmpty)
            #expect(try await api.gateway.store.openAttempts().isEmpty)
        }
        let told = tally.withLock { $0 }
        #expect(told.odd.isEmpty, "\(told.odd.prefix(5))")
        #expect(told.ids.count == Self.runs)
        #expect(told.slowest <= Self.patience.start + Self.patience.answer, "\(told.slowest)")
        // Code that had started when its sandbox died is not run again: those runs are lost, and no others.
        let deaths = told.failures["sandboxLost"] ?? 0
        #expect(told.states["finished", default: 0] + deaths == Self.runs, "\(told.states) \(told.failures)")
        let starts = all.flatMap { $0.starts.values }
        #expect(starts.count == Self.runs)
        #expect(starts.allSatisfy { $0 == 1 })
        #expect(Set(all.flatMap { $0.starts.keys.map(\.rawValue) }).count == Self.runs, "some run's code was started at two places")
        let creates = all.reduce(0) { $0 + $1.createCount }
        #expect(Double(creates) / Double(Self.runs) < 1.2, "\(creates) creates")
        // It was foul indeed.
        #expect(deaths > 0)
        #expect(creates > Self.runs)
    }

    private static func take(_ tally: Locked<Tally>) -> Int? {
        tally.withLock { tally in
            guard tally.begun < runs else { return nil }
            defer { tally.begun += 1 }
            return tally.begun
        }
    }

    private static func turn(_ providers: [ScriptedProvider], _ spell: Int) {
        for (provider, weathers) in zip(providers, forecast) {
            let weather = weathers[spell % weathers.count]
            provider.behave { behaviour in
                behaviour.refusal =
                    switch weather {
                    case .full: ProviderError(.quotaExceeded, "full")
                    case .unwell: ProviderError(.unavailable, "503", vendorStatus: 503)
                    case .throttled: ProviderError(.rateLimited, "429", retryAfter: .seconds(1), vendorStatus: 429)
                    case .fair, .stalling, .deadly: nil
                    }
                behaviour.createDelay = weather == .stalling ? .seconds(2) : .zero
                behaviour.makesSandboxFirst = weather == .stalling
                behaviour.deaths = weather == .deadly ? deathsOfASpell : 0
            }
        }
    }

    private static func clear(_ providers: [ScriptedProvider]) {
        for provider in providers { provider.behave { $0.refusal = nil } }
    }

    private static func run(_ number: Int, at url: String, _ client: HTTPClient, _ tally: Locked<Tally>) async {
        var request = HTTPClientRequest(url: "\(url)/v1/runs")
        request.method = .POST
        let latency = patience.start.wholeMilliseconds
        request.body = .bytes(
            ByteBuffer(
                string:
                    #"{"spec":{"command":["work","\#(number)"]},"constraints":{"maxLatency":\#(latency),"objective":"cheapest"}}"#))
        let begun = ContinuousClock.now
        let outcome: (id: String, state: String, failure: String?)
        do {
            let response = try await client.execute(request, timeout: .seconds(120))
            let body = try await response.body.collect(upTo: 1 << 20)
            let json = try JSONValue(parsing: body.readableBytesView)
            guard let id = json["id"]?.stringValue, let state = json["state"]?.stringValue, json["settled"]?.boolValue == true else {
                tally.withLock { $0.odd.append(String(buffer: body)) }
                return
            }
            outcome = (id, state, json["error"]?["type"]?.stringValue)
        } catch {
            tally.withLock { $0.odd.append("\(error)") }
            return
        }
        let time = begun.duration(to: .now)
        tally.withLock { tally in
            tally.ids.insert(outcome.id)
            tally.states[outcome.state, default: 0] += 1
            if let failure = outcome.failure { tally.failures[failure, default: 0] += 1 }
            tally.slowest = max(tally.slowest, time)
        }
    }
}
