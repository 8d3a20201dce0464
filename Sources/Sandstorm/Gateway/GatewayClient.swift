import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import SandstormCore

/// A gateway on the other side of HTTP.
///
/// HTTP/1.1 only: in the client used here, HTTP/2 does not survive a server that answers before it has read the request.
final class GatewayClient: Backend {
    private let http: HTTPClient
    /// For calls that are answered only once their work is done, and for bytes whose source may be slow.
    private let patientHTTP: HTTPClient
    private let address: Result<GatewayAddress, SandstormError>
    private let key: APIKey?
    let policy: RetryPolicy
    private let isShutDown = Locked(false)

    /// The most that an answer other than an event stream may hold.
    private static let longestAnswer = 64 * 1024 * 1024
    /// Until the head of an answer; gateways answer at once, also when the work takes long.
    private static let headTimeout = TimeAmount.seconds(30)

    init(address: String, key: APIKey?, policy: RetryPolicy = RetryPolicy()) {
        self.address = Result { () throws(SandstormError) in try GatewayAddress(address) }
        self.key = key
        self.policy = policy
        var configuration = HTTPClient.Configuration()
        configuration.httpVersion = .http1Only
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 64
        // Gateways write a comment into a quiet event stream more often than the read timeout.
        configuration.timeout = .init(connect: .seconds(5), read: .seconds(45))
        configuration.redirectConfiguration = .disallow
        http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        configuration.timeout.read = nil
        patientHTTP = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    deinit {
        // A client that is let go without this stops the process in debug builds.
        guard !isShutDown.withLock({ $0 }) else { return }
        http.shutdown { _ in }
        patientHTTP.shutdown { _ in }
    }

    func shutDown() async {
        let isFirst = isShutDown.withLock { flag in
            defer { flag = true }
            return !flag
        }
        guard isFirst else { return }
        try? await http.shutdown()
        try? await patientHTTP.shutdown()
    }

    // MARK: Calls

    func start(_ request: RunRequest) async throws(SandstormError) -> RunResult {
        try await result(of: GatewayCall.start(request, answer: .json))
    }

    func events(of request: RunRequest) -> any EventSource {
        GatewayEvents(.submission(request.repeatable()), client: self, policy: policy)
    }

    func events(of id: RunID, after sequence: Int, following: Bool) -> any EventSource {
        GatewayEvents(.run(id, after: sequence, following: following), client: self, policy: policy)
    }

    func decide(_ request: RunRequest) async throws(SandstormError) -> Decision {
        let call = GatewayCall(method: .POST, path: "/v1/decisions", body: request.json)
        let answer = try await json(call)
        return Decision(json: answer["decision"] ?? answer)
    }

    func run(_ id: RunID) async throws(SandstormError) -> RunResult { try await result(of: GatewayCall(path: "/v1/runs/\(id)")) }

    func runs(_ page: RunPage) async throws(SandstormError) -> [RunResult] {
        var call = GatewayCall(path: "/v1/runs", query: [("limit", String(page.limit))])
        if !page.states.isEmpty { call.query.append(("state", page.states.map(\.rawValue).sorted().joined(separator: ","))) }
        if let before = page.before { call.query.append(("before", before.rawValue)) }
        guard let runs = try await json(call)["runs"]?.arrayValue else { throw try garbage("a list of runs") }
        return runs.compactMap(RunResult.init(json:))
    }

    func cancel(_ id: RunID) async throws(SandstormError) -> RunResult {
        try await result(of: GatewayCall(method: .DELETE, path: "/v1/runs/\(id)"))
    }

    func providers() async throws(SandstormError) -> [ProviderInfo] {
        guard let providers = try await json(GatewayCall(path: "/v1/providers"))["providers"]?.arrayValue else {
            throw try garbage("a list of providers")
        }
        return providers.compactMap(ProviderInfo.init(json:))
    }

    private func result(of call: GatewayCall) async throws(SandstormError) -> RunResult {
        guard let result = RunResult(json: try await json(call)) else { throw try garbage("a run") }
        return result
    }

    func garbage(_ expected: String) throws(SandstormError) -> SandstormError {
        SandstormError(.badAnswer, "what \(try address.get()) sends is not \(expected); is a Sandstorm gateway there?")
    }

    // MARK: Transport

    /// The body of an answer, which must be JSON.
    func json(_ call: GatewayCall) async throws(SandstormError) -> JSONValue {
        let (_, body) = try await answer(to: call)
        do { return try JSONValue(parsing: body) } catch { throw try garbage("JSON") }
    }

    /// An answer without anything in it.
    func done(_ call: GatewayCall) async throws(SandstormError) { _ = try await answer(to: call) }

    /// The status of an answer, and its whole body.
    func answer(to call: GatewayCall) async throws(SandstormError) -> (status: Int, body: [UInt8]) {
        let address = try address.get()
        return try await repeating(call) { [self] () async throws(SandstormError) in
            let response = try await exchange(call, with: address)
            return (Int(response.status.code), try await collect(response.body, from: address))
        }
    }

    /// An answer whose bytes are read as they come.
    func stream(_ call: GatewayCall) async throws(SandstormError) -> HTTPClientResponse {
        let address = try address.get()
        return try await repeating(call) { [self] () async throws(SandstormError) in try await exchange(call, with: address) }
    }

    /// The address of a path below the gateway's, and the header fields that open it.
    func entry(_ path: String) throws(SandstormError) -> (url: String, headers: [String: String]) {
        (try address.get().url(path), key.map { ["Authorization": "Bearer \($0.secret)"] } ?? [:])
    }

    /// Opens an event stream, once: whoever reads it knows where to go on.
    func open(_ call: GatewayCall) async throws(SandstormError) -> HTTPClientResponse.Body {
        let address = try address.get()
        let response = try await exchange(call, with: address)
        guard response.headers.first(name: "content-type")?.hasPrefix("text/event-stream") == true else {
            throw try garbage("an event stream")
        }
        return response.body
    }

    /// An error of the transport in the words of this module.
    func translated(_ error: any Error) -> SandstormError {
        if let error = error as? SandstormError { return error }
        if Task.isCancelled { return .cancelled }
        switch address {
        case .success(let address): return SandstormError(transport: error, gateway: address)
        case .failure(let error): return error
        }
    }

    /// Why a gateway ended a stream before its end.
    func problem(in body: [UInt8]) -> SandstormError {
        let status = (try? JSONValue(parsing: body))?["status"]?.intValue ?? 500
        switch address {
        case .success(let address): return SandstormError(status: status, body: body, requestID: nil, gateway: address)
        case .failure(let error): return error
        }
    }

    /// One request and the head of its answer.
    private func exchange(_ call: GatewayCall, with address: GatewayAddress) async throws(SandstormError) -> HTTPClientResponse {
        let response: HTTPClientResponse
        do {
            let client = call.patience == nil && call.answer != .bytes ? http : patientHTTP
            response = try await client.execute(
                call.request(to: address, key: key), timeout: call.patience ?? GatewayClient.headTimeout)
        } catch {
            throw translated(error)
        }
        guard (200..<300).contains(response.status.code) else {
            let body = (try? await collect(response.body, from: address)) ?? []
            var error = SandstormError(
                status: Int(response.status.code), body: body, requestID: response.headers.first(name: "x-request-id"), gateway: address)
            error.retryAfter = response.headers.first(name: "retry-after").flatMap { Int64($0) }.map { .seconds($0) }
            throw error
        }
        return response
    }

    private func collect(_ body: HTTPClientResponse.Body, from address: GatewayAddress) async throws(SandstormError) -> [UInt8] {
        do {
            return try await Array(body.collect(upTo: GatewayClient.longestAnswer).readableBytesView)
        } catch {
            throw translated(error)
        }
    }

    private func repeating<Answer: Sendable>(
        _ call: GatewayCall, _ work: @Sendable () async throws(SandstormError) -> Answer
    ) async throws(SandstormError) -> Answer {
        var attempt = 0
        while true {
            attempt += 1
            do throws(SandstormError) {
                return try await work()
            } catch {
                guard call.isRepeatable, error.isTransient else { throw error }
                guard let pause = policy.pause(after: attempt, retryAfter: error.retryAfter, random: .random(in: 0...1)) else {
                    throw error
                }
                do { try await Task.sleep(for: pause) } catch { throw .cancelled }
            }
        }
    }
}

extension GatewayCall {
    /// Starts a run. The idempotency key makes the call safe to repeat.
    static func start(_ request: RunRequest, answer: Answer) -> GatewayCall {
        let request = request.repeatable()
        return GatewayCall(method: .POST, path: "/v1/runs", body: request.json, answer: answer, idempotencyKey: request.idempotencyKey)
    }
}

extension RunRequest {
    /// The request with an idempotency key of its own if it has none, so that sending it again means the same run.
    func repeatable() -> RunRequest {
        var request = self
        if request.idempotencyKey == nil { request.idempotencyKey = "sdk-\(AttemptID.generate())" }
        return request
    }
}
