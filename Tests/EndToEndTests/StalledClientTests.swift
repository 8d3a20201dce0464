import Foundation
import SandstormCore
import SandstormTestSupport
import Testing

#if os(Linux)
@Suite("Clients that stop reading", .serialized) struct StalledClientTests {
    /// How output is read.
    enum Reading: String, CaseIterable, Sendable {
        case runEvents, processEvents, webSocket
    }

    /// What a client that does not read may cost, whatever there is to read.
    private static let bound = 2 * 1024 * 1024

    @Test("a gigabyte that nobody reads costs little, and stalls only its own process", arguments: Reading.allCases)
    func stall(reading: Reading) async throws {
        let gateway = try await MeasuredGateway()
        let sandbox = try await gateway.post("/v1/sandboxes", ["spec": ["timeout": 600_000]])
        let id = try #require(sandbox.json?["id"]?.stringValue, "\(sandbox.body)")
        // Allocators keep what a first load needed: as below, but read.
        for _ in 0..<4 {
            let warm = try start(reading, bytes: 16 << 20, in: id, of: gateway)
            #expect(try await warm.read(16 << 20).count >= 16 << 20)
        }
        var alone: [Duration] = []
        for _ in 0..<5 { alone.append(try await gateway.runEcho()) }
        let before = try await gateway.restingBytes()

        do {
            // Several, so that what the allocator takes now and then counts as what it is.
            let stalled = try (0..<4).map { _ in try start(reading, bytes: 1 << 30, in: id, of: gateway) }
            #expect(await eventually(within: .seconds(60)) { stalled.allSatisfy(\.hasSomething) })
            let growth = (try await gateway.restingBytes() - before) / stalled.count
            print("\(reading.rawValue): \(growth / 1024) KiB for a gigabyte that nobody reads")
            #expect(growth < StalledClientTests.bound, "\(growth) bytes")

            var beside: [Duration] = []
            for _ in 0..<5 { beside.append(try await gateway.runEcho()) }
            #expect(beside.sorted()[2] < alone.sorted()[2] * 3 + .seconds(1), "\(beside) beside it, \(alone) alone")
            #expect(try await hasEnded(reading, in: id, of: gateway) == false)

            // Whoever reads on gets on.
            #expect(try await stalled[0].read(8 << 20).count >= 8 << 20)
        }
        // And whoever leaves is let go of, with all that was kept for him.
        #expect(try await eventually(within: .seconds(60)) { try await hasEnded(reading, in: id, of: gateway) })
        // What settling four outputs has needed the allocator keeps for the next ones; a gigabyte would show.
        let rest = try await gateway.restingBytes() - before
        #expect(rest < 32 << 20, "\(rest) bytes are left")
        await gateway.stop()
    }

    /// Whether nothing runs any more of what was started.
    private func hasEnded(_ reading: Reading, in sandbox: String, of gateway: MeasuredGateway) async throws -> Bool {
        if reading == .runEvents {
            let runs = try await gateway.get("/v1/runs?state=running").json?["runs"]?.arrayValue
            return runs?.allSatisfy { $0["settled"] == true } ?? false
        }
        let processes = try await gateway.get("/v1/sandboxes/\(sandbox)/processes").json?["processes"]?.arrayValue
        return processes?.allSatisfy { $0["running"] == false } ?? false
    }

    /// Starts a program that writes so many bytes, and reads nothing.
    private func start(_ reading: Reading, bytes: Int, in sandbox: String, of gateway: MeasuredGateway) throws -> PlainConnection {
        let command: JSONValue = ["sh", "-c", .string("yes 0123456789012345678901234567890123456789 | head -c \(bytes)")]
        let connection = try PlainConnection(to: gateway.port, receiveBuffer: 64 * 1024)
        switch reading {
        case .runEvents: try post("/v1/runs", ["spec": ["command": command, "timeout": 600_000]], on: connection)
        case .processEvents: try post("/v1/sandboxes/\(sandbox)/processes", ["command": command], on: connection)
        case .webSocket:
            try connection.send(
                """
                GET /v1/sandboxes/\(sandbox)/processes/socket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r
                Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n
                """)
            let request = JSONValue.object(["command": command]).encodedBytes
            // One masked text frame; the mask is zero.
            let length =
                request.count < 126 ? [0x80 | UInt8(request.count)] : [0xFE, UInt8(request.count >> 8), UInt8(request.count & 0xFF)]
            try connection.send([0x81] + length + [0, 0, 0, 0] + request)
        }
        return connection
    }

    private func post(_ path: String, _ body: JSONValue, on connection: PlainConnection) throws {
        let bytes = body.encodedBytes
        try connection.send(
            Array(
                "POST \(path) HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nConnection: close\r\nContent-Length: \(bytes.count)\r\n\r\n"
                    .utf8) + bytes)
    }
}
#endif
