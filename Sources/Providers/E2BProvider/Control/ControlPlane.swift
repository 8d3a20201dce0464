import NIOCore
import NIOHTTP1
import SandstormCore
import SandstormWire

/// The control plane of one account: calls as they are, without retries, each with an end.
final class ControlPlane: Sendable {
    let account: E2BAccount
    let client: VendorClient
    private let base: String

    /// What no list or description exceeds.
    private static let longestAnswer = 16 << 20

    init(_ account: E2BAccount, client: VendorClient) {
        self.account = account
        self.client = client
        base = account.controlPlane
    }

    // MARK: Sandboxes

    /// Makes a sandbox. The key makes the vendor take a repetition for the same request.
    func create(_ body: JSONValue, key: String, as call: ControlCall) async throws(ProviderError) -> SandboxAccess {
        let answer = try await send(.POST, "/v2/sandboxes", body, as: call, expecting: [201], headers: [("idempotency-key", key)])
        guard let access = answer.json.flatMap(SandboxAccess.init(json:)) else { throw ControlFailure.garbage(on: call) }
        return access
    }

    /// What is known of a sandbox, and whether it is paused.
    func detail(_ id: String) async throws(ProviderError) -> (access: SandboxAccess, isPaused: Bool) {
        let answer = try await send(
            .GET, "/sandboxes/\(id)", as: .sandbox, expecting: [200], within: min(account.patience.control, .seconds(20)))
        guard let json = answer.json, let access = SandboxAccess(json: json) else { throw ControlFailure.garbage(on: .sandbox) }
        return (access, json["state"]?.stringValue == "paused")
    }

    /// Ends a sandbox; one that is gone counts as ended.
    func kill(_ id: String) async throws(ProviderError) {
        do throws(ProviderError) {
            _ = try await send(.DELETE, "/sandboxes/\(id)", as: .sandbox, expecting: [200, 204])
        } catch {
            if error.code != .notFound { throw error }
        }
    }

    /// Makes a paused sandbox go on; one that runs goes on living for at least that long.
    func connect(_ id: String, timeout: Int) async throws(ProviderError) -> SandboxAccess {
        let answer = try await send(
            .POST, "/v2/sandboxes/\(id)/connect", ["timeout": .integer(timeout)], as: .sandbox, expecting: [200, 201])
        guard let access = answer.json.flatMap(SandboxAccess.init(json:)) else { throw ControlFailure.garbage(on: .sandbox) }
        return access
    }

    /// - Returns: `false` if it was not running: paused already, or on its way to or from that.
    func pause(_ id: String) async throws(ProviderError) -> Bool {
        let answer = try await exchange(.POST, "/sandboxes/\(id)/pause", [:], as: .sandbox, within: account.patience.snapshot)
        if answer.status == 409, answer.json?["error_code"] == nil { return false }
        try check(answer, [200, 204], .sandbox)
        return true
    }

    func setTimeout(_ id: String, seconds: Int) async throws(ProviderError) {
        _ = try await send(.POST, "/sandboxes/\(id)/timeout", ["timeout": .integer(seconds)], as: .sandbox, expecting: [200, 204])
    }

    func setNetwork(_ id: String, _ rules: JSONValue) async throws(ProviderError) {
        _ = try await send(.PUT, "/sandboxes/\(id)/network", rules, as: .sandbox, expecting: [200, 204])
    }

    /// - Returns: the snapshot's id.
    func snapshot(_ id: String, memory: Bool) async throws(ProviderError) -> String {
        let answer = try await send(
            .POST, "/sandboxes/\(id)/snapshots", ["memory": .bool(memory)], as: .snapshot, expecting: [200, 201],
            within: account.patience.snapshot)
        guard let snapshot = answer.json?["snapshotID"]?.stringValue, !snapshot.isEmpty else { throw ControlFailure.garbage(on: .snapshot) }
        return snapshot
    }

    /// Removes a template or a snapshot; one that is gone counts as removed.
    func deleteTemplate(_ id: String) async throws(ProviderError) {
        do throws(ProviderError) {
            _ = try await send(.DELETE, "/templates/\(PercentEncoding.component(id))", as: .sandbox, expecting: [200, 204])
        } catch {
            if error.code != .notFound { throw error }
        }
    }

    /// A sandbox in a list.
    struct Listed: Sendable {
        var id: String
        var tag: SandboxTag
        var startedAt: String?
    }

    /// The sandboxes that `gateway` has made, paused ones too, from as many pages as there are.
    func list(taggedBy gateway: GatewayID) async throws(ProviderError) -> [Listed] {
        var found: [Listed] = []
        var seen: Set<String> = []
        var token: String?
        while true {
            let query = PercentEncoding.query([
                "metadata": SandboxMetadata.filter(gateway), "state": "running,paused", "limit": "100", "nextToken": token,
            ])
            let answer = try await send(.GET, "/v2/sandboxes" + query, as: .list, expecting: [200])
            guard let page = answer.json?.arrayValue else { throw ControlFailure.garbage(on: .list) }
            for entry in page {
                // The filter is the vendor's; whose they are is checked all the same.
                guard let id = entry["sandboxID"]?.stringValue, SandboxAccess.isID(id), let tag = SandboxMetadata.tag(entry["metadata"]),
                    tag.gateway == gateway
                else { continue }
                found.append(Listed(id: id, tag: tag, startedAt: entry["startedAt"]?.stringValue))
            }
            guard let next = answer.headers.first(name: "x-next-token"), !next.isEmpty else { return found }
            // A list that leads back to itself has no end.
            guard seen.insert(next).inserted, seen.count < 10_000 else { throw ControlFailure.garbage(on: .list) }
            token = next
        }
    }

    /// The cheapest call that shows whether the key is good and the control plane is well.
    func probe() async throws(ProviderError) {
        _ = try await send(.GET, "/v2/sandboxes?limit=1", as: .list, expecting: [200], within: min(account.patience.control, .seconds(15)))
    }

    // MARK: Calls

    /// Sends a call and checks the answer's status.
    func send(
        _ method: HTTPMethod, _ path: String, _ body: JSONValue? = nil, as call: ControlCall, expecting statuses: Set<Int>,
        within limit: Duration? = nil, headers: [(String, String)] = []
    ) async throws(ProviderError) -> VendorAnswer {
        let answer = try await exchange(method, path, body, as: call, within: limit, headers: headers)
        try check(answer, statuses, call)
        return answer
    }

    /// Sends a call and takes whatever is answered.
    func exchange(
        _ method: HTTPMethod, _ path: String, _ body: JSONValue? = nil, as call: ControlCall,
        within limit: Duration? = nil,
        headers: [(String, String)] = []
    ) async throws(ProviderError) -> VendorAnswer {
        let address = HostAddress(base + path)
        var request = VendorRequest(method, address.url)
        request.headers = HTTPHeaders(
            [("accept", "application/json"), ("user-agent", "sandstorm"), ("x-api-key", account.key.secret)] + headers)
        if let host = address.host { request.headers.add(name: "host", value: host) }
        if let body {
            request.headers.add(name: "content-type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: body.encodedBytes))
        }
        do throws(VendorFailure) {
            return try await client.answer(to: request, within: limit ?? account.patience.control, upTo: ControlPlane.longestAnswer)
        } catch {
            throw ControlFailure.error(error, on: call)
        }
    }

    private func check(_ answer: VendorAnswer, _ statuses: Set<Int>, _ call: ControlCall) throws(ProviderError) {
        guard statuses.contains(answer.status) else { throw ControlFailure.error(answer, on: call) }
    }
}
