import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import SandstormCore
import SandstormWire

/// The events of a run as a gateway streams them, over as many connections as it takes.
actor GatewayEvents: EventSource {
    /// Whose events.
    enum Origin: Sendable {
        case submission(RunRequest)
        case run(RunID, after: Int, following: Bool)
    }

    private let origin: Origin
    private let client: GatewayClient
    private let policy: RetryPolicy

    private var run: RunID?
    private var lastSequence: Int
    private var isFinished = false
    /// Nothing is left to be cancelled.
    private var isSettled = false
    private var pending: [RunEvent] = []
    private var connection: Connection?
    /// Connections in a row that brought nothing new.
    private var failures = 0

    private struct Connection {
        var chunks: HTTPClientResponse.Body.AsyncIterator
        var decoder = ServerSentEventDecoder()
    }

    init(_ origin: Origin, client: GatewayClient, policy: RetryPolicy) {
        self.origin = origin
        self.client = client
        self.policy = policy
        switch origin {
        case .submission: lastSequence = 0
        case .run(let id, let sequence, _):
            run = id
            lastSequence = sequence
        }
    }

    func next() async throws(SandstormError) -> RunEvent? {
        do throws(SandstormError) {
            while !isFinished {
                if !pending.isEmpty { return take() }
                try await advance()
            }
            return nil
        } catch {
            isFinished = true
            connection = nil
            await endOwned()
            throw Task.isCancelled ? .cancelled : error
        }
    }

    nonisolated func abandon() {
        Task { await endOwned() }
    }

    private func take() -> RunEvent {
        let event = pending.removeFirst()
        switch event.body {
        case .accepted(let id): run = id
        case .settled:
            isFinished = true
            isSettled = true
            connection = nil
        default: break
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
                throw SandstormError(.interrupted, "the gateway ended the stream before the run was settled")
            }
            try decode(bytes)
        } catch {
            connection = nil
            guard error.isTransient else { throw error }
            failures += 1
            guard let pause = policy.pause(after: failures, retryAfter: error.retryAfter, random: .random(in: 0...1)) else { throw error }
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
        // Without a number it is none of the run's events.
        guard let sequence = event.id.flatMap({ Int($0) }) else { return }
        // A gateway may repeat what it is not sure to have delivered. The end counts whatever its number: a crash may have taken events
        // from the gateway's log that were seen here.
        guard sequence > lastSequence || event.name == "settled" else { return }
        lastSequence = max(lastSequence, sequence)
        failures = 0
        guard let json = try? JSONValue(parsing: event.data) else {
            throw SandstormError(.badAnswer, "event \(sequence) of the stream is not JSON")
        }
        // What a later version may have added is passed over.
        if let event = RunEvent(sequence: sequence, name: event.name ?? "", data: json) { pending.append(event) }
    }

    private func call() -> GatewayCall {
        if let run {
            var call = GatewayCall(path: "/v1/runs/\(run)/events", answer: .events, lastEvent: lastSequence)
            if !isFollowing { call.query = [("follow", "false")] }
            return call
        }
        guard case .submission(let request) = origin else { preconditionFailure("a source without a run is that of a submission") }
        return .start(request, answer: .events)
    }

    private var isFollowing: Bool {
        switch origin {
        case .submission: true
        case .run(_, _, let following): following
        }
    }

    /// Cancels a run that belongs to this source and waits for it a little, also when this task is cancelled itself.
    private func endOwned() async {
        guard case .submission(let request) = origin, !request.detached, let run, !isSettled else { return }
        isSettled = true
        await Task { [client] in _ = try? await client.cancel(run) }.value
    }
}
