import Foundation
import Sandstorm
import SandstormEngine
import SandstormTestSupport
import Testing

/// The feed of the guide, made with the commands that stand there.
struct GuideFeed {
    let directory: TemporaryDirectory
    let publicKey: String
    let document: String
    let signature: String

    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// The commands of the guide.
    private static func commands() throws -> String {
        let guide = try String(contentsOf: root.appending(path: "docs/prices.md"), encoding: .utf8)
        let block = try #require(guide.split(separator: "<!-- tested: signing -->\n```sh\n").last, "the guide has lost its example")
        return String(try #require(block.split(separator: "\n```\n").first))
    }

    /// - Parameter edit: a change to the document before it is signed.
    init(serial: Int = 1, edit: (String) -> String = { $0 }) async throws {
        directory = try TemporaryDirectory()
        let commands = edit(try GuideFeed.commands().replacing("\"serial\": 1,", with: "\"serial\": \(serial),"))
        let child = try ChildProgram(
            "/bin/sh", ["-e", "-c", "cd '\(directory.path)'\n" + commands], environment: ["PATH": "/usr/bin:/bin"])
        let code = await child.wait(within: .seconds(60))
        try #require(code == 0, "\(String(decoding: child.errors, as: UTF8.self))")
        let path = directory.path
        func read(_ name: String) throws -> String { try String(contentsOfFile: path + "/" + name, encoding: .utf8) }
        publicKey = try read("key.pub")
        document = try read("prices.json")
        signature = try read("prices.json.sig")
    }

    /// A server that publishes it.
    func server() throws -> ScriptedServer {
        try ScriptedServer { [document, signature] _, request in
            switch request.split(separator: " ").dropFirst().first {
            case "/prices.json": ScriptedServer.answer("200 OK", document)
            case "/prices.json.sig": ScriptedServer.answer("200 OK", type: "text/plain", signature)
            default: ScriptedServer.answer("404 Not Found", "")
            }
        }
    }
}

@Suite("Price feeds over HTTP") struct PriceFeedTests {
    private static func failure(
        _ url: String, limit: Int = 1000, timeout: Duration = .seconds(30)
    ) async -> PriceSourceFailure? {
        do throws(PriceSourceFailure) {
            _ = try await HTTPPriceFeed().get(url, limit: limit, timeout: timeout)
            return nil
        } catch {
            return error
        }
    }

    @Test func `the document comes whole, with the signature of its header`() async throws {
        let server = try ScriptedServer { _, _ in ScriptedServer.answer("200 OK", "{}", headers: "Sandstorm-Signature: abc=\r\n") }
        let answer = try await HTTPPriceFeed().get(server.url + "/p.json", limit: 2, timeout: .seconds(30))
        #expect(answer.body == Array("{}".utf8))
        #expect(answer.signature == "abc=")
        #expect(server.requests.first?.hasPrefix("GET /p.json HTTP/1.1\r\n") == true)
    }

    @Test func `redirects are not followed`() async throws {
        let server = try ScriptedServer { _, _ in ScriptedServer.answer("302 Found", "", headers: "Location: /elsewhere\r\n") }
        #expect(await Self.failure(server.url)?.kind == .redirected)
        #expect(server.requests.count == 1)
    }

    @Test func `too much is not read, announced or not`() async throws {
        let long = String(repeating: "x", count: 1001)
        let announced = try ScriptedServer { _, _ in ScriptedServer.answer("200 OK", long) }
        #expect(await Self.failure(announced.url)?.kind == .tooLarge)
        let chunked = try ScriptedServer { _, _ in
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                + String(repeating: "100\r\n" + String(repeating: "y", count: 256) + "\r\n", count: 64)
        }
        #expect(await Self.failure(chunked.url)?.kind == .tooLarge)
    }

    @Test func `who says nothing is given up in time, also in the middle`() async throws {
        let silent = try ScriptedServer { _, _ in nil }
        let start = ContinuousClock.now
        let failure = await Self.failure(silent.url, timeout: .milliseconds(100))
        #expect(failure?.kind == .unreachable)
        #expect(failure?.detail.contains("within 100 ms") == true)
        #expect(ContinuousClock.now - start < .seconds(60))
    }

    @Test(
        "other answers are none",
        arguments: [
            "garbage\r\n\r\n", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", "HTTP/1.1 206 Partial\r\nContent-Length: 1\r\n\r\nx", "",
        ])
    func broken(answer: String) async throws {
        let server = try ScriptedServer { _, _ in answer }
        #expect(await Self.failure(server.url)?.kind == .unreachable)
    }

    @Test(arguments: ["http://127.0.0.1:1/", "no address", "http://no-such-host.invalid/"])
    func `nobody there`(url: String) async throws { #expect(await Self.failure(url)?.kind == .unreachable) }

    @Test func `the guide's example is taken, and bent by one byte it is not`() async throws {
        let feed = try await GuideFeed()
        let server = try feed.server()
        // Long enough for a machine that does much else meanwhile.
        let section = try JSONValue(
            parsing: "{\"feed\": {\"url\": \"\(server.url)/prices.json\", \"publicKey\": \"\(feed.publicKey)\", \"timeout\": 60000}}")
        let configuration = try PriceConfiguration(json: section, at: "/prices")
        let source = SignedPriceFeed(try #require(configuration.feed), over: HTTPPriceFeed())
        let prices = LivePrices(configuration)
        let taken = await prices.refresh(from: source)
        #expect(taken == .changed(1), "\(taken)")
        #expect(server.requests.count == 2)
        let bent = try ScriptedServer { _, request in
            ScriptedServer.answer("200 OK", request.contains(".sig") ? feed.signature : feed.document.replacing("0.036", with: "0.035"))
        }
        var bentFeed = PriceConfiguration.Feed(url: bent.url + "/prices.json", publicKey: try #require(configuration.feed).publicKey)
        bentFeed.timeout = .seconds(60)
        let outcome = await LivePrices(configuration).refresh(from: SignedPriceFeed(bentFeed, over: HTTPPriceFeed()))
        guard case .failed(let failure) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(failure.kind == .badSignature)
    }
}
