import Foundation
import SandstormCore
import SandstormTestSupport
import Testing

@Suite("sandstorm prices") struct PricesCommandTests {
    /// The rows of the table by the offer's name.
    private static func rows(_ text: String) -> [String: String] {
        Dictionary(
            text.split(separator: "\n").map { (String($0.split(separator: " ").first ?? ""), String($0)) },
            uniquingKeysWith: { first, _ in first })
    }

    @Test func `shows the market before there is an account, cheapest first`() async throws {
        let outcome = try await Fixture().program("prices", "--cpu", "2", "--memory", "4GiB", "--duration", "10m")
        #expect(outcome.code == 0, "\(outcome)")
        let rows = Self.rows(outcome.stdout)
        #expect(rows["OFFER"]?.contains("COST FOR 10 MIN") == true)
        #expect(rows["local/standard"]?.contains("default") == true)
        // 600 × (2 × 0.000014 + 4 × 0.0000045)
        #expect(rows["e2b"]?.contains("$0.0276") == true && rows["e2b"]?.contains("none") == true)
        #expect(rows["e2b"]?.contains("published, rounding uncertain") == true)
        #expect(rows["modal/us"]?.contains("uncertain") == true)
        #expect(rows["morph"]?.contains("not known") == true)
        #expect(outcome.stdout.contains("give one under prices.entries.morph"))
        let order = outcome.stdout.split(separator: "\n").map { String($0.prefix { $0 != " " }) }
        #expect(try #require(order.firstIndex(of: "e2b")) < (try #require(order.firstIndex(of: "modal"))))
        let mine = try await Fixture().program("prices", "--mine")
        #expect(Self.rows(mine.stdout)["e2b"] == nil && Self.rows(mine.stdout)["local/standard"] != nil)
        #expect(try await Fixture().program("prices", "--all").stdout.contains("modal.function"))
        #expect(try await Fixture().program("prices", "--region", "us").stdout.contains("local/") == false)
    }

    @Test(arguments: [
        (["--mine", "--all"], "--mine is given beside --all"), (["--interval", "2d"], "--interval"), (["--duration", "x"], "--duration"),
    ])
    func `what is wrong is told`(options: [String], told: String) async throws {
        let outcome = try await Fixture().program.start(["prices"] + options).outcome()
        #expect(outcome.code == 64, "\(outcome)")
        #expect(outcome.stderr.contains(told))
    }

    @Test func `a gateway's own prices and its feed are shown, a new document as it comes`() async throws {
        let fixture = try Fixture()
        let first = try await GuideFeed()
        let newer = Locked<(document: String, signature: String)?>(nil)
        let server = try ScriptedServer { _, request in
            let (document, signature) = newer.withLock { $0 } ?? (first.document, first.signature)
            return ScriptedServer.answer("200 OK", document, headers: "Sandstorm-Signature: \(signature)\r\n")
        }
        let config = try fixture.file(
            "config.json",
            """
            {"prices": {"entries": {"morph": {"cpu": "0.00001"}}, "feed": {"url": "\(server.url)/p", "publicKey": "\(first.publicKey)", "interval": 1000, "timeout": 60000}}}
            """)
        let (gateway, url) = try await fixture.serve("--dev", "--config", config)
        let fed = try await eventuallyRows(fixture, url) { $0["fed"] != nil }
        #expect(fed["fed"]?.contains("published (feed)") == true && fed["fed"]?.contains("$0.0396") == true, "\(fed)")
        #expect(fed["morph"]?.contains("$0.036 ") == true && fed["morph"]?.contains("configured (configuration)") == true)

        let watch = try fixture.program.start(["prices", "--watch", "--interval", "100ms", "--gateway", url])
        try #require(await eventually(within: .seconds(60)) { watch.stdout.contains("OFFER") })
        var program = fixture.program
        program.environment["TERM"] = "xterm"
        let screen = try TerminalProgram(
            ["prices", "--watch", "--interval", "100ms", "--gateway", url], environment: program.surroundings, columns: 60)
        try #require(await screen.shows("fed "))

        // The key of the first feed signs the next document.
        let next = first.document.replacing("\"serial\": 1,", with: "\"serial\": 2,").replacing("0.036\"", with: "0.072\"")
        let path = try fixture.file("next.json", next)
        let openssl = try ChildProgram(
            "/bin/sh", ["-c", "openssl pkeyutl -sign -rawin -inkey '\(first.directory.path)/key.pem' -in '\(path)' | base64 -w0"],
            environment: ["PATH": "/usr/bin:/bin"])
        try #require(await openssl.wait(within: .seconds(60)) == 0)
        let signature = String(decoding: openssl.output, as: UTF8.self)
        newer.withLock { $0 = (next, signature) }

        try #require(
            await eventually(within: .seconds(60)) { watch.stdout.contains("fed: $0.0396 (published (feed)) → $0.0756") }, "\(watch.stdout)"
        )
        #expect(watch.stdout.components(separatedBy: "OFFER").count == 2)
        watch.send(.interrupt)
        #expect(try await watch.outcome().code == 130)
        // In place: up over what was there, and no line longer than the terminal.
        #expect(await eventually(within: .seconds(60)) { screen.screen.contains("A\r\u{1B}[J") && screen.screen.contains("fed ") })
        let lines = screen.screen.split(whereSeparator: \.isNewline).map { $0.split(separator: "\u{1B}[J").last ?? $0 }
        #expect(lines.allSatisfy { $0.count <= 60 }, "\(lines)")
        screen.send(.interrupt)
        #expect(await screen.exitCode() == 130)

        // Nobody can serve the old document again.
        newer.withLock { $0 = nil }
        let stale = try await eventuallyRows(fixture, url) { $0["fed"]?.contains("not refreshed") == true }
        #expect(stale["fed"]?.contains("$0.0756") == true)
        gateway.send(.terminate)
        #expect(try await gateway.outcome().code == 0)
    }

    private func eventuallyRows(
        _ fixture: Fixture, _ url: String, _ isRight: ([String: String]) -> Bool
    ) async throws -> [String: String] {
        let end = ContinuousClock.now + .seconds(60)
        while true {
            let outcome = try await fixture.program("prices", "--gateway", url)
            let rows = Self.rows(outcome.stdout)
            if isRight(rows) || ContinuousClock.now > end { return rows }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    @Test(arguments: [
        (#"{"prices": {"entries": {"e2b": {"cpu": "x"}}}}"#, "at /prices/entries/e2b/cpu/usd must be an amount of dollars"),
        (#"{"prices": {"feed": {}}}"#, "at /prices/feed/url is missing"), (#"{"price": {}}"#, "did you mean \"prices\"?"),
        ("{", "is not JSON"),
        ("[]", "must be an object"),
    ])
    func `a configuration that is wrong is told whole, before anything starts`(text: String, told: String) async throws {
        let fixture = try Fixture()
        let path = try fixture.file("config.json", text)
        let outcome = try await fixture.program("serve", "--dev", "--config", path, "--listen", "127.0.0.1:0")
        #expect(outcome.code != 0)
        #expect(outcome.stderr.contains(told), "\(outcome)")
    }
}
