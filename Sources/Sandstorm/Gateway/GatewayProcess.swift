import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import SandstormCore
import SandstormWire

/// A process in a sandbox behind a gateway: its events over as many connections as it takes, its input and signals by calls.
actor GatewayProcess: ProcessLink {
    /// Which process.
    enum Origin: Sendable {
        case submission(ProcessRequest)
        case process(ProcessID, after: Int, following: Bool)
    }

    private let origin: Origin
    private let sandbox: SandboxID
    private let client: GatewayClient

    private var process: ProcessID?
    private var lastSequence = 0
    private var isFinished = false
    /// Nothing is left to be killed.
    private var hasEnded = false
    private var pending: [SandboxProcessEvent] = []
    private var connection: Connection?
    /// Connections in a row that brought nothing new.
    private var failures = 0

    private struct Connection {
        var chunks: HTTPClientResponse.Body.AsyncIterator
        var decoder = ServerSentEventDecoder()
    }

    /// How long input may be on its way: as long as the process doesn't read it.
    private static let inputTime = TimeAmount.hours(24)

    init(_ origin: Origin, in sandbox: SandboxID, client: GatewayClient) {
        self.origin = origin
        self.sandbox = sandbox
        self.client = client
        if case .process(let id, let sequence, _) = origin {
            process = id
            lastSequence = sequence
        }
    }

    /// Starts the process of a submission; its first event stays to be read.
    func start() async throws(SandstormError) -> SandboxProcessInfo {
        do throws(SandstormError) {
            while pending.isEmpty, !isFinished { try await advance() }
            guard case .started(let info) = pending.first?.body else { throw try client.garbage("the events of a process") }
            return info
        } catch {
            await give(up: error)
            throw Task.isCancelled ? .cancelled : error
        }
    }

    func next() async throws(SandstormError) -> SandboxProcessEvent? {
        do throws(SandstormError) {
            while !isFinished || !pending.isEmpty {
                if !pending.isEmpty { return take() }
                try await advance()
            }
            return nil
        } catch {
            await give(up: error)
            throw Task.isCancelled ? .cancelled : error
        }
    }

    nonisolated func abandon() {
        Task { await endOwned() }
    }

    // MARK: Calls

    func write(_ bytes: [UInt8]) async throws(SandstormError) {
        try await client.done(input(bytes, closing: false))
    }

    func closeInput() async throws(SandstormError) {
        try await client.done(input([], closing: true))
    }

    func signal(_ signal: Signal, to target: SignalTarget) async throws(SandstormError) {
        try await client.done(
            GatewayCall(
                method: .POST, path: path("/signal"), body: ["signal": .string(signal.description), "target": .string(target.rawValue)],
                isRepeatable: signal == .kill))
    }

    func resize(_ size: TerminalSize) async throws(SandstormError) {
        try await client.done(
            GatewayCall(
                method: .POST, path: path("/resize"), body: ["columns": .integer(size.columns), "rows": .integer(size.rows)]))
    }

    private func input(_ bytes: [UInt8], closing: Bool) -> GatewayCall {
        GatewayCall(
            method: .POST, path: path("/stdin"), query: closing ? [("close", "true")] : [], content: .bytes(bytes),
            // Bytes that were written once must not come twice; an end may.
            isRepeatable: bytes.isEmpty, patience: GatewayProcess.inputTime)
    }

    private func path(_ rest: String = "") -> String {
        "/v1/sandboxes/\(sandbox)/processes" + (process.map { "/\($0)\(rest)" } ?? "")
    }

    // MARK: Events

    private func take() -> SandboxProcessEvent {
        let event = pending.removeFirst()
        if event.isLast {
            isFinished = true
            hasEnded = true
            connection = nil
        }
        return event
    }

    /// Reads on, or connects again after a cut.
    private func advance() async throws(SandstormError) {
        do throws(SandstormError) {
            if connection == nil { connection = Connection(chunks: try await client.open(call()).makeAsyncIterator()) }
            guard let bytes = try await chunk() else {
                connection = nil
                guard isFollowing else {
                    isFinished = true
                    return
                }
                throw SandstormError(.interrupted, "the gateway ended the stream before the process had ended")
            }
            try decode(bytes)
        } catch {
            connection = nil
            // A start whose answer was lost may have happened: it is not repeated.
            guard process != nil, error.isTransient else { throw error }
            failures += 1
            guard let pause = client.policy.pause(after: failures, retryAfter: error.retryAfter, random: .random(in: 0...1)) else {
                throw error
            }
            do { try await Task.sleep(for: pause) } catch { throw .cancelled }
        }
    }

    private func chunk() async throws(SandstormError) -> ByteBuffer? {
        // An iterator can't be advanced in place across a suspension; a copy reads the same body.
        guard var chunks = connection?.chunks else { return nil }
        do {
            return try await chunks.next(isolation: self)
        } catch {
            throw client.translated(error)
        }
    }

    private func decode(_ bytes: ByteBuffer) throws(SandstormError) {
        let decoded: [ServerSentEvent]
        do throws(ServerSentEventTooLong) {
            decoded = try connection?.decoder.decode(bytes) ?? []
        } catch {
            throw SandstormError(.badAnswer, error.description)
        }
        for event in decoded { try accept(event) }
    }

    private func accept(_ event: ServerSentEvent) throws(SandstormError) {
        if event.name == "problem" { throw client.problem(in: event.data) }
        // Without a number, or with one that has come already, it tells nothing new.
        guard let sequence = event.id.flatMap({ Int($0) }), sequence > lastSequence else { return }
        lastSequence = sequence
        failures = 0
        guard let json = try? JSONValue(parsing: event.data) else {
            throw SandstormError(.badAnswer, "event \(sequence) of the stream is not JSON")
        }
        // What a later version may have added is passed over.
        guard let event = SandboxProcessEvent(sequence: sequence, name: event.name ?? "", data: json) else { return }
        if case .started(let info) = event.body { process = info.id }
        pending.append(event)
    }

    private func call() -> GatewayCall {
        guard process == nil else {
            var call = GatewayCall(path: path("/events"), answer: .events, lastEvent: lastSequence)
            if !isFollowing { call.query = [("follow", "false")] }
            return call
        }
        guard case .submission(let request) = origin else { preconditionFailure("a link without a process is that of a submission") }
        return GatewayCall(
            method: .POST, path: path(), body: request.json, answer: .events, isRepeatable: false)
    }

    private var isFollowing: Bool {
        switch origin {
        case .submission: true
        case .process(_, _, let following): following
        }
    }

    private func give(up error: SandstormError) async {
        isFinished = true
        pending = []
        connection = nil
        await endOwned()
    }

    /// Kills a process that belongs to this link, also when this task is cancelled itself.
    private func endOwned() async {
        connection = nil
        guard case .submission(let request) = origin, !request.detached, process != nil, !hasEnded else { return }
        hasEnded = true
        let call = GatewayCall(method: .DELETE, path: path())
        await Task { [client] in try? await client.done(call) }.value
    }
}
