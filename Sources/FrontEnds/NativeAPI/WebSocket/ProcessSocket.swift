import HTTPTypes
import NIOCore
import SandstormCore
import SandstormEngine
import SandstormServer
import SandstormWire

/// One process on a WebSocket: what it prints goes to the client, and what the client says goes to it.
struct ProcessSocket: Sendable {
    let engine: Engine
    let sandbox: SandboxID
    let principal: Principal
    let requestID: String

    /// The name of these messages, for clients that offer it.
    static let subprotocol = "sandstorm.process.v1"
    /// How long a client may take to say what it wants started.
    private static let patience = Duration.seconds(30)
    /// Bytes for standard input that wait for the process to read; signals overtake them.
    private static let inputLimit = 64 * 1024

    // MARK: Starting

    /// Starts the process that the client's first message asks for, and serves it. If it was started, `started` is what the client hears first.
    func start(on socket: WebSocketConnection) async -> WebSocketClose {
        let request: ProcessRequest
        switch await firstMessage(on: socket) {
        case nil: return WebSocketClose(.policyViolation, "the first message did not come in time")
        case .binary: return refuse(Problem(.invalidRequest, "the first message must be text: what is to be started"), on: socket)
        case .text(let text):
            do throws(Problem) {
                request = try ProcessSocket.request(text)
            } catch {
                return refuse(error, on: socket)
            }
        }
        do throws(EngineError) {
            let handle = try await engine.startProcess(request, in: sandbox, for: principal)
            // First of all, before anything that the client has sent meanwhile is answered: it may be waiting for the process's id.
            var events = handle.events.makeAsyncIterator()
            if let started = try await events.next(isolation: nil) {
                guard await socket.send(ProcessSocket.message(started)) else { return WebSocketClose(.goingAway) }
            }
            return await serve(handle.events, of: handle.info.id, on: socket)
        } catch {
            return refuse(Problem(error), on: socket)
        }
    }

    private func firstMessage(on socket: WebSocketConnection) async -> WebSocketMessage? {
        await withTaskGroup(of: WebSocketMessage?.self) { group in
            group.addTask { await socket.receive() }
            group.addTask {
                try? await Task.sleep(for: ProcessSocket.patience)
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
    }

    private static func request(_ text: String) throws(Problem) -> ProcessRequest {
        let json = try JSONBody.parse(ByteBuffer(string: text))
        do throws(InvalidRequest) { return try ProcessRequest(json: json) } catch { throw Problem(error) }
    }

    private func refuse(_ problem: Problem, on socket: WebSocketConnection) -> WebSocketClose {
        tell(problem, on: socket)
        let isClients = problem.kind.status.kind == .clientError
        return WebSocketClose(isClients ? .policyViolation : .internalError, problem.detail)
    }

    private func tell(_ problem: Problem, on socket: WebSocketConnection) {
        let message: JSONValue = ["type": "problem", "problem": problem.json(requestID: requestID)]
        socket.offer(.text(String(decoding: message.encodedBytes, as: UTF8.self)))
    }

    // MARK: Serving

    /// Serves a process until it ends.
    ///
    /// - Parameter events: let go of when the socket ends.
    func serve(_ events: SandboxProcessEvents, of process: ProcessID, on socket: WebSocketConnection) async -> WebSocketClose {
        let input = BoundedQueue<ByteBuffer>(limit: ProcessSocket.inputLimit) { $0.readableBytes + 64 }
        return await withTaskGroup(of: WebSocketClose?.self) { group in
            group.addTask { await relay(events, to: socket) }
            group.addTask {
                await takeMessages(for: process, from: socket, input)
                return nil
            }
            group.addTask {
                await write(input, to: process, on: socket)
                return nil
            }
            defer {
                input.abandon()
                group.cancelAll()
            }
            while let close = await group.next() { if let close { return close } }
            return WebSocketClose(.internalError)
        }
    }

    private func relay(_ events: SandboxProcessEvents, to socket: WebSocketConnection) async -> WebSocketClose {
        var iterator = events.makeAsyncIterator()
        do throws(EngineError) {
            while let event = try await iterator.next(isolation: nil) {
                guard await socket.send(ProcessSocket.message(event)) else { return WebSocketClose(.goingAway) }
                if event.isLast { break }
            }
            return WebSocketClose(.normal)
        } catch {
            return refuse(Problem(error), on: socket)
        }
    }

    /// An event as a message: one each, so that a client which counts them knows where it is.
    static func message(_ event: SandboxProcessEvent) -> WebSocketMessage {
        switch event.body {
        case .stdout(let bytes): return .binary(output(bytes, 1))
        case .stderr(let bytes): return .binary(output(bytes, 2))
        case .started, .dropped, .exited, .failed:
            var object: JSONObject = ["type": .string(event.name), "id": .integer(event.sequence)]
            for member in event.data.objectValue?.members ?? [] { object[member.key] = member.value }
            return .text(String(decoding: JSONValue.object(object).encodedBytes, as: UTF8.self))
        }
    }

    private static func output(_ bytes: [UInt8], _ channel: UInt8) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.reserveCapacity(bytes.count + 1)
        buffer.writeInteger(channel)
        buffer.writeBytes(bytes)
        return buffer
    }

    private func takeMessages(for process: ProcessID, from socket: WebSocketConnection, _ input: BoundedQueue<ByteBuffer>) async {
        var inputIsClosed = false
        while let message = await socket.receive() {
            do throws(Problem) {
                switch message {
                case .binary(let bytes):
                    guard !inputIsClosed else { throw Problem(.conflict, "standard input was closed before") }
                    // Waits while the process does not read, and with it the client.
                    _ = await input.put(bytes)
                case .text(let text):
                    switch try ProcessControl(text) {
                    case .closeInput:
                        inputIsClosed = true
                        input.finish()
                    case .signal(let signal, let target):
                        try await ask { () async throws(EngineError) in
                            try await engine.signal(signal, to: target, of: process, in: sandbox, for: principal)
                        }
                    case .resize(let size):
                        try await ask { () async throws(EngineError) in
                            try await engine.resize(size, of: process, in: sandbox, for: principal)
                        }
                    }
                }
            } catch {
                tell(error, on: socket)
            }
        }
        if !inputIsClosed { input.abandon() }
    }

    /// Writes what the client sends, and closes the input when the client says so; a client that only leaves may come back.
    private func write(_ input: BoundedQueue<ByteBuffer>, to process: ProcessID, on socket: WebSocketConnection) async {
        do throws(Problem) {
            while let bytes = await input.take() {
                try await ask { () async throws(EngineError) in
                    try await engine.write(bytes, to: process, in: sandbox, for: principal)
                }
            }
            guard !Task.isCancelled, !input.isAbandoned else { return }
            try await ask { () async throws(EngineError) in
                try await engine.closeInput(of: process, in: sandbox, for: principal)
            }
        } catch {
            tell(error, on: socket)
            // What follows is passed over: the client must not wait for what never takes it.
            while await input.take() != nil {}
        }
    }

    private func ask(_ call: () async throws(EngineError) -> Void) async throws(Problem) {
        do throws(EngineError) { try await call() } catch { throw Problem(error) }
    }
}
