import NIOCore
import NIOHTTP1
import SandstormCore
import SandstormTestSupport
import SandstormWire
import Testing

@testable import E2BProvider

/// One row of the failure catalogue: an answer, what it was an answer to, and what is to become of it.
struct ControlRow: Sendable, CustomTestStringConvertible {
    var status: Int
    var body: String
    var retryAfter: String?
    var call: ControlCall
    var code: ProviderError.Code
    var mayHaveTakenEffect = false
    var waits: Duration?

    var testDescription: String { "\(status) \(body.prefix(60)) on \(call) is \(code)" }

    init(
        _ status: Int, _ body: String, on call: ControlCall = .create(callersTemplate: false), retryAfter: String? = nil,
        is code: ProviderError.Code, mayHave: Bool = false, waits: Duration? = nil
    ) {
        (self.status, self.body, self.call, self.retryAfter) = (status, body, call, retryAfter)
        (self.code, mayHaveTakenEffect, self.waits) = (code, mayHave, waits)
    }

    static func said(_ message: String, _ code: String? = nil) -> String {
        #"{"code":1,"message":"\#(message)"\#(code.map { #","error_code":"\#($0)""# } ?? "")}"#
    }
}

@Suite("What failures of E2B's control plane mean") struct ControlFailureTests {
    static let rows: [ControlRow] = [
        ControlRow(400, ControlRow.said("bad cidr"), is: .invalid),
        ControlRow(400, ControlRow.said("Timeout cannot be greater than 1 hours"), is: .unsupported),
        ControlRow(400, ControlRow.said("Max instance length exceeded"), on: .sandbox, is: .unsupported),
        ControlRow(400, ControlRow.said("egress proxy is not enabled for this team"), is: .unsupported),
        ControlRow(401, ControlRow.said("invalid key"), is: .unauthenticated),
        ControlRow(402, ControlRow.said("pay"), is: .outOfCredit),
        ControlRow(403, ControlRow.said("team is blocked: billing"), is: .outOfCredit),
        ControlRow(403, ControlRow.said("not yours"), is: .forbidden),
        ControlRow(404, ControlRow.said("template not found"), on: .create(callersTemplate: true), is: .invalid),
        ControlRow(404, ControlRow.said("template not found"), is: .unsupported),
        ControlRow(404, ControlRow.said("no such snapshot"), on: .createFromSnapshot, is: .invalid),
        ControlRow(404, ControlRow.said("sandbox not found"), on: .sandbox, is: .notFound),
        ControlRow(404, "<html>", on: .list, is: .unavailable),
        ControlRow(409, ControlRow.said("being paused"), on: .sandbox, is: .unavailable),
        ControlRow(409, ControlRow.said("x", "sandbox_snapshot_guest_agent_unresponsive"), on: .sandbox, is: .invalid),
        ControlRow(409, ControlRow.said("x", "idempotency_in_progress"), is: .unavailable, mayHave: true),
        ControlRow(422, ControlRow.said("x", "idempotency_request_mismatch"), is: .invalid),
        ControlRow(409, ControlRow.said("x", "idempotency_outcome_unknown"), is: .unavailable, mayHave: true),
        ControlRow(
            429, ControlRow.said("you have reached the maximum number of concurrent E2B sandboxes (20)"), is: .quotaExceeded),
        ControlRow(429, ControlRow.said("Rate limit exceeded"), retryAfter: "7", is: .rateLimited, waits: .seconds(7)),
        ControlRow(429, "slow down", is: .rateLimited),
        ControlRow(429, "slow down", retryAfter: "Fri, 20 Nov 2026 10:00:00 GMT", is: .rateLimited),
        ControlRow(500, ControlRow.said("Failed to place sandbox", "sandbox_create_failed"), is: .unavailable),
        ControlRow(500, ControlRow.said("x", "sandbox_create_refused"), is: .invalid),
        ControlRow(500, ControlRow.said("boom", "internal_server_error"), is: .unavailable, mayHave: true),
        ControlRow(500, "", is: .unavailable, mayHave: true),
        ControlRow(500, "{\"code\":", is: .unavailable, mayHave: true),
        ControlRow(502, "<html>bad gateway</html>", is: .unavailable, mayHave: true),
        ControlRow(502, "<html>bad gateway</html>", on: .sandbox, is: .unavailable),
        ControlRow(503, ControlRow.said("Failed to place sandbox", "sandbox_capacity_unavailable"), is: .noCapacity),
        ControlRow(503, ControlRow.said("x", "sandbox_no_compatible_node"), is: .noCapacity),
        ControlRow(503, ControlRow.said("busy"), is: .noCapacity),
        ControlRow(503, ControlRow.said("node busy"), on: .snapshot, is: .unavailable),
        ControlRow(503, "<html>", is: .unavailable, mayHave: true),
        ControlRow(504, ControlRow.said("x", "sandbox_placement_timeout"), is: .noCapacity, mayHave: true),
        ControlRow(504, "gateway timeout", is: .timedOut, mayHave: true),
        ControlRow(418, "teapot", is: .invalid),
        ControlRow(302, "", is: .unavailable, mayHave: true),
        ControlRow(200, Vendor.described(), is: .unavailable, mayHave: true),
    ]

    @Test("each row of the catalogue", arguments: rows)
    func means(_ row: ControlRow) {
        var headers = HTTPHeaders()
        if let text = row.retryAfter { headers.add(name: "retry-after", value: text) }
        let error = ControlFailure.error(
            VendorAnswer(status: row.status, headers: headers, body: ByteBuffer(string: row.body)), on: row.call)
        #expect(error.code == row.code)
        #expect(error.mayHaveTakenEffect == row.mayHaveTakenEffect)
        #expect(error.retryAfter == row.waits)
        #expect(error.vendorStatus == row.status)
        #expect(!error.message.isEmpty)
        // What the vendor says may hold secrets: never for callers.
        #expect(!error.description.contains("boom") && !error.description.contains("html"))
    }

    @Test(
        "over the wire: a create's failures are told once, and nothing is retried",
        arguments: [(429, "slow"), (500, "<html>"), (503, "{}"), (401, "")])
    func isAskedOnce(status: Int, body: String) async throws {
        try await FaultServer.run { request in
            request.path == "/v2/sandboxes" ? FaultStep.answer(status, body, type: "text/html") : Vendor.usual(request)
        } _: { server in
            let provider = try Vendor.provider(server)
            let error = await failure { try await Vendor.create(provider) }
            #expect(error?.vendorStatus == status)
            #expect(server.requests("POST", "/v2/sandboxes").count == 1)
        }
    }

    @Test(
        "a success that makes no sense may have made a sandbox",
        arguments: ["", "[]", "{}", #"{"sandboxID":7}"#, #"{"sandboxID":"../x"}"#, "{\"a\":"])
    func garbageSuccess(body: String) async throws {
        try await FaultServer.run { request in
            request.path == "/v2/sandboxes" ? FaultStep.answer(201, body) : Vendor.usual(request)
        } _: { server in
            let provider = try Vendor.provider(server)
            let error = await failure { try await Vendor.create(provider) }
            #expect(error?.code == .unavailable)
            #expect(error?.mayHaveTakenEffect == true)
        }
    }

    @Test("nothing listens: nothing can have been made")
    func refused() async throws {
        try await FaultServer.run {
            Vendor.usual($0)
        } _: { server in
            let provider = try Vendor.provider(server) { $0.apiURL = "http://127.0.0.1:1" }
            let error = await failure { try await Vendor.create(provider) }
            #expect(error?.code == .unavailable)
            #expect(error?.mayHaveTakenEffect == false)
        }
    }

    @Test(
        "a connection that breaks: a sandbox may have been made",
        arguments: [
            [FaultStep.close], [.text("HTTP/1.1 201"), .close], [.text("HTTP/1.1 201 x\r\ncontent-length: 500\r\n\r\n{\"sand"), .close],
            [.text("\u{1}\u{2}\u{3}\r\n\r\n"), .close], [.text("HTTP/1.1 201 x\r\ncontent-length: 500\r\n\r\n{"), .halfClose],
        ])
    func cut(steps: [FaultStep]) async throws {
        try await FaultServer.run { request in
            request.path == "/v2/sandboxes" ? steps : Vendor.usual(request)
        } _: { server in
            let provider = try Vendor.provider(server)
            let error = await failure { try await Vendor.create(provider) }
            #expect(error?.code == .unavailable)
            #expect(error?.mayHaveTakenEffect == true)
            // It has an idempotency key, and is not sent again all the same: whether to try again is not an adapter's to say.
            #expect(server.requests("POST", "/v2/sandboxes").count == 1)
        }
    }

    @Test("a server that accepts and never answers is given up, and the sandbox that it makes later is found by its tag and ended")
    func lateAnswer() async throws {
        let late = Latch()
        let tag = Vendor.tag()
        try await FaultServer.run { request in
            switch (request.method, request.path.prefix { $0 != "?" }) {
            case ("POST", "/v2/sandboxes"): return [.wait(late)] + FaultStep.answer(201, Vendor.described())
            case ("GET", "/v2/sandboxes"):
                let metadata = JSONValue.object(["metadata": SandboxMetadata.json(tag), "sandboxID": .string(Vendor.sandboxID)]).encoded
                return FaultStep.answer(200, "[\(metadata)]")
            default: return Vendor.usual(request)
            }
        } _: { server in
            let provider = try Vendor.provider(server) { $0.patience.control = .milliseconds(400) }
            let error = await failure { try await Vendor.create(provider, tag: tag) }
            #expect(error?.code == .timedOut)
            #expect(error?.mayHaveTakenEffect == true)
            late.open()
            let patient = try Vendor.provider(server)
            let records = try await patient.sandboxes(taggedBy: tag.gateway)
            #expect(records.map(\.tag) == [tag])
            for record in records { try await patient.destroy(record.id) }
            #expect(server.requests("DELETE", "/sandboxes/\(Vendor.sandboxID)").count == 1)
        }
    }

    @Test("a caller who goes away leaves no sandbox behind, even if it is made afterwards")
    func cancelledCreate() async throws {
        let late = Latch()
        try await FaultServer.run { request in
            request.path == "/v2/sandboxes" ? [.wait(late)] + FaultStep.answer(201, Vendor.described()) : Vendor.usual(request)
        } _: { server in
            let provider = try Vendor.provider(server)
            let creating = Task { try await Vendor.create(provider) }
            #expect(await eventually { !server.requests("POST", "/v2/sandboxes").isEmpty })
            creating.cancel()
            let error = await failure { try await creating.value }
            #expect(error?.code == .interrupted)
            #expect(error?.mayHaveTakenEffect == true)
            late.open()
            #expect(await eventually { server.requests("DELETE", "/sandboxes/\(Vendor.sandboxID)").count == 1 })
        }
    }

    @Test("an answer without an end is not taken")
    func endless() async throws {
        try await FaultServer.run { request in
            guard request.path.hasPrefix("/v2/sandboxes") else { return Vendor.usual(request) }
            let piece = FaultStep.bytes(FaultStep.chunk(ByteBuffer(repeating: 0x20, count: 1 << 20)))
            return [.text("HTTP/1.1 200 x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n")]
                + Array(repeating: piece, count: 40)
        } _: { server in
            let error = await failure { try await Vendor.provider(server).sandboxes(taggedBy: .generate()) }
            #expect(error?.code == .unavailable)
        }
    }
}
