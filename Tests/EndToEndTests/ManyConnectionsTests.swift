import Foundation
import SandstormCore
import SandstormTestSupport
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

#if os(Linux)
@Suite("Many connections", .serialized) struct ManyConnectionsTests {
    private static let streamRequest = "GET /v1/runs/%@/events HTTP/1.1\r\nHost: localhost\r\n\r\n"

    /// How many connections are opened at once, fewer than the gateway's listening socket keeps waiting.
    private static let batch = 500

    /// Opens connections, and waits until all of them are accepted.
    private func open(_ count: Int, to gateway: MeasuredGateway, saying text: String = "") async throws -> [PlainConnection] {
        var connections: [PlainConnection] = []
        while connections.count < count {
            let size = min(ManyConnectionsTests.batch, count - connections.count)
            connections += try await PlainConnection.onThread {
                try (0..<size).map { _ in
                    let connection = try PlainConnection(to: gateway.port)
                    if !text.isEmpty { try connection.send(text) }
                    return connection
                }
            }
            // Connections are accepted in their order: this one has its answer only behind all others.
            #expect(try await gateway.get("/healthz").status == 200)
        }
        return connections
    }

    /// A run that lasts, at the place that runs nothing.
    private func lastingRun(_ gateway: MeasuredGateway) async throws -> String {
        let accepted = try await gateway.post(
            "/v1/runs",
            [
                "spec": ["command": ["sleep", "600"], "timeout": 900_000], "constraints": ["preferredProviders": ["null"]],
                "detached": true,
            ])
        return try #require(accepted.json?["id"]?.stringValue, "\(accepted.body)")
    }

    /// Whether this process and the gateway may have so many files open.
    private static func mayOpen(_ count: Int) -> Bool {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        if limit.rlim_cur < limit.rlim_max {
            limit.rlim_cur = limit.rlim_max
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        }
        return limit.rlim_cur >= rlim_t(count * 4 / 3 + 1000)
    }

    @Test(.enabled(if: mayOpen(10_100), "needs 14,500 descriptors in a process"))
    func `ten thousand idle ones cost little each and hold up nobody, and those beyond the maximum wait`() async throws {
        let gateway = try await MeasuredGateway(["--provider", "null", "--max-connections", "10010", "--idle-timeout", "300s"])
        // Started with 1024.
        #expect(gateway.fileLimit ?? 0 >= 14_000)
        _ = try await open(100, to: gateway)
        let before = try await gateway.restingBytes()
        var idle = try await open(10_000, to: gateway)
        #expect(try await gateway.metric("sandstorm_http_connections") ?? 0 >= 10_000)
        let each = (gateway.anonymousBytes - before) / 10_000
        print("idle connection: \(each) bytes")
        #expect(each < 20 * 1024, "\(each) bytes")
        let start = ContinuousClock.now
        for _ in 0..<20 { #expect(try await gateway.get("/healthz").status == 200) }
        #expect(.now - start < .seconds(5), "20 answers took \(.now - start)")

        // Full: what comes now waits in the listening socket's queue.
        let last = try await PlainConnection.onThread { try (0..<10).map { _ in try PlainConnection(to: gateway.port) } }
        let beyond = try await PlainConnection.onThread { try (0..<60).map { _ in try PlainConnection(to: gateway.port) } }
        for connection in beyond { try connection.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n") }
        try await Task.sleep(for: .milliseconds(500))
        // Those that are accepted are so by the handful, of which the last may be beyond.
        let served = beyond.count(where: \.hasSomething)
        #expect(served < 10, "\(served) of 60 connections beyond the maximum were served")
        #expect(idle.allSatisfy { !$0.isClosed })
        idle.removeLast(100)
        #expect(await eventually { beyond.allSatisfy { $0.hasSomething } })
        #expect(beyond.allSatisfy { !$0.isClosed })
        #expect(last.allSatisfy { !$0.isClosed })
        idle = []
        #expect(try await eventually(within: .seconds(60)) { try await gateway.metric("sandstorm_http_connections") ?? .max < 100 })
        await gateway.stop()
    }

    @Test(.enabled(if: mayOpen(2000), "needs 3,700 descriptors in a process"))
    func `idle ones are closed in time, and streams beside them go on`() async throws {
        let gateway = try await MeasuredGateway(["--provider", "null", "--idle-timeout", "5s"])
        let run = try await lastingRun(gateway)
        let streams = try await open(10, to: gateway, saying: ManyConnectionsTests.streamRequest.replacing("%@", with: run))
        for stream in streams {
            let head = try await stream.read(1).tail
            #expect(head.starts(with: "HTTP/1.1 200".utf8))
        }
        let idle = try await open(2000, to: gateway)
        #expect(await eventually(within: .seconds(60)) { idle.allSatisfy(\.isClosed) })
        #expect(streams.allSatisfy { !$0.isClosed })
        #expect(try await gateway.metric("sandstorm_http_connections") ?? 0 >= streams.count)
        #expect(try await gateway.get("/healthz").status == 200)
        await gateway.stop()
    }

    @Test(.enabled(if: mayOpen(2000), "needs 3,700 descriptors in a process"))
    func `open event streams cost little each`() async throws {
        let gateway = try await MeasuredGateway(["--provider", "null"])
        let run = try await lastingRun(gateway)
        let request = ManyConnectionsTests.streamRequest.replacing("%@", with: run)
        for stream in try await open(100, to: gateway, saying: request) { _ = try await stream.read(1) }
        let before = try await gateway.restingBytes()
        let streams = try await open(2000, to: gateway, saying: request)
        #expect(await eventually(within: .seconds(60)) { streams.allSatisfy(\.hasSomething) })
        let each = (try await gateway.restingBytes() - before) / 2000
        print("open event stream: \(each) bytes")
        // Also as a debug build has it, whose calls take far more room.
        #expect(each < 40 * 1024, "\(each) bytes")
        await gateway.stop()
    }
}
#endif
