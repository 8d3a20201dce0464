import SandstormCore
import Testing

@testable import SandstormCLI

@Suite("Values of options") struct OptionValueTests {
    @Test(
        "sizes",
        arguments: [
            ("512MiB", 512), ("512", 512), ("1GiB", 1024), ("1.5GiB", 1536), ("2g", 2048), ("1 TiB", 1_048_576), ("0.5MiB", nil),
            ("1GB", nil),
            ("", nil), ("MiB", nil), ("-1", nil), ("1e3", nil), ("99999999999999999999", nil), ("nan", nil),
        ] as [(String, Int?)])
    func sizes(text: String, mebibytes: Int?) {
        #expect(ByteSize(parsing: text, bareUnit: .mebibyte)?.whole(.mebibyte) == mebibytes)
    }

    @Test(
        "addresses",
        arguments: [
            ("127.0.0.1:8787", "127.0.0.1", 8787, true), ("localhost:0", "localhost", 0, true), ("[::1]:80", "::1", 80, true),
            ("0.0.0.0:80", "0.0.0.0", 80, false), ("[::]:80", "::", 80, false), ("127.example.com:1", "127.example.com", 1, false),
        ])
    func addresses(text: String, host: String, port: Int, isLoopback: Bool) throws {
        let address = try #require(ListenAddress(parsing: text))
        #expect((address.host, address.port) == (host, port))
        #expect(address.isLoopback == isLoopback)
    }

    @Test("no addresses", arguments: ["", "8787", ":8787", "host:", "host:99999", "::1:80", "a b:1", "host:-1"])
    func noAddresses(text: String) { #expect(ListenAddress(parsing: text) == nil) }

    @Test func `a table can't steer the terminal`() {
        var table = Table("a", "b")
        table.add("\u{1B}[31mred\u{7}", "x\r\ny\u{202E}")
        #expect(table.text == "A        B\n[31mred  xy\n")
    }

    @Test(
        "routes",
        arguments: [
            ("e2b", #"{"type":"pinned","to":"e2b"}"#), ("e2b/small", #"{"type":"pinned","to":"e2b/small"}"#),
            ("e2b,daytona", #"{"type":"fallback","order":["e2b","daytona"]}"#),
            ("e2b=70,daytona=30", #"{"type":"split","shares":[{"to":"e2b","weight":70},{"to":"daytona","weight":30}]}"#),
            ("a=b=1", #"{"type":"split","shares":[{"to":"a=b","weight":1}]}"#), (#"{"type": "sticky"}"#, #"{"type":"sticky"}"#),
            ("", nil), ("e2b,", nil), ("e2b=70,daytona", nil), ("=1", nil), ("e2b=lots", nil), ("{", nil),
        ] as [(String, String?)])
    func routes(text: String, json: String?) throws {
        #expect(try RoutingOption.rule(text) == json.map { try JSONValue(parsing: $0) })
    }

    @Test func `weights of an objective`() {
        #expect(RoutingOption.weights("cost=70,latency=30") == ["cost": 70, "latency": 30])
        for text in ["cheapest", "cost=1,cost=2", "cost", "cost=1,", "cost=0.5"] { #expect(RoutingOption.weights(text) == nil) }
    }
}
