import NIOCore
import NIOHTTP1
import SandstormCore
import SandstormTestSupport
import SandstormWire
import Testing

/// The client that adapters share, against the server that fails.
@Suite("Talking to a vendor") struct VendorClientTests {
    private static func failure(_ body: () async throws -> Void) async -> VendorFailure? {
        do {
            try await body()
            return nil
        } catch {
            return error as? VendorFailure
        }
    }

    @Test(
        "what may be repeated is repeated once when a kept connection turns out to be closed, and nothing else is",
        arguments: [HTTPMethod.GET, .DELETE, .POST])
    func keptConnection(method: HTTPMethod) async throws {
        let count = Locked(0)
        try await FaultServer.run { _ in
            let number = count.withLock { count in
                count += 1
                return count
            }
            return number == 2 ? [.close] : FaultStep.answer(200, "{}")
        } _: { server in
            let client = try VendorClient()
            _ = try await client.answer(to: VendorRequest(.GET, server.url), within: .seconds(20))
            let failure = await Self.failure { _ = try await client.answer(to: VendorRequest(method, server.url), within: .seconds(20)) }
            if method == .POST {
                #expect(failure?.kind == .lost && failure?.mayHaveArrived == true)
                #expect(count.withLock(\.self) == 2)
            } else {
                #expect(failure == nil)
                #expect(count.withLock(\.self) == 3)
            }
        }
    }

    @Test("it follows no redirect, and decompresses nothing")
    func redirect() async throws {
        try await FaultServer.run { _ in
            FaultStep.answer(302, "", headers: ["location": "/elsewhere", "content-encoding": "gzip"])
        } _: { server in
            let answer = try await VendorClient().answer(to: VendorRequest(.GET, server.url), within: .seconds(20))
            #expect(answer.status == 302 && server.seen.withLock(\.count) == 1)
        }
    }

    @Test("a wait ends with its time, with its task, and with what is too long")
    func ends() async throws {
        try await FaultServer.run { request in
            request.path == "/long" ? FaultStep.answer(200, String(repeating: "x", count: 5000)) : [.hang]
        } _: { server in
            let client = try VendorClient()
            let late = await Self.failure { _ = try await client.answer(to: VendorRequest(.GET, server.url), within: .milliseconds(200)) }
            #expect(late?.kind == .timedOut && late?.mayHaveArrived == true)
            let waiting = Task { try await client.answer(to: VendorRequest(.GET, server.url), within: .seconds(300)) }
            try await Task.sleep(for: .milliseconds(50))
            waiting.cancel()
            let cancelled = await Self.failure { _ = try await waiting.value }
            #expect(cancelled?.kind == .cancelled)
            let long = await Self.failure {
                _ = try await client.answer(to: VendorRequest(.GET, server.url + "/long"), within: .seconds(20), upTo: 4999)
            }
            #expect(long?.kind == .tooLong)
        }
    }

    @Test(
        "addresses that are none, hosts that are not there, and servers that speak no TLS are unreachable, so that nothing was done",
        arguments: ["no url", "http://host.invalid/", "https://127.0.0.1:PORT/"])
    func unreachable(url: String) async throws {
        try await FaultServer.run { _ in
            [.hang]
        } _: { server in
            var settings = VendorClient.Settings()
            settings.connectTimeout = .seconds(5)
            let client = try VendorClient(settings)
            let request = VendorRequest(.POST, url.replacing("PORT", with: "\(server.port)"))
            let failure = await Self.failure { _ = try await client.answer(to: request, within: .seconds(30)) }
            #expect(failure?.mayHaveArrived == false, "\(String(describing: failure))")
        }
    }

    @Test("an upload takes its time as long as it makes progress, and no longer")
    func upload() async throws {
        try await FaultServer.run { request in
            FaultStep.answer(200, "\(request.body.readableBytes)")
        } _: { server in
            let client = try VendorClient()
            func source(stalling: Bool) -> ByteStream {
                let turn = Locked(0)
                return ByteStream { () async throws(ProviderError) in
                    let number = turn.withLock { turn in
                        turn += 1
                        return turn
                    }
                    if number > 8 { return nil }
                    do { try await Task.sleep(for: stalling && number == 4 ? .seconds(300) : .milliseconds(120)) } catch {
                        throw ProviderError(.interrupted, "cancelled")
                    }
                    return ByteBuffer(repeating: 0x78, count: 1000)
                }
            }
            let request = VendorRequest(.POST, server.url, body: .stream(source(stalling: false), length: nil))
            // Altogether longer than the limit.
            #expect(String(buffer: try await client.answer(to: request, within: .milliseconds(600)).body) == "8000")
            let stalled = VendorRequest(.POST, server.url, body: .stream(source(stalling: true), length: 8000))
            let failure = await Self.failure { _ = try await client.answer(to: stalled, within: .milliseconds(600)) }
            #expect(failure?.kind == .timedOut)
        }
    }
}
