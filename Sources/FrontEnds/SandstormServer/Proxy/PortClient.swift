import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import SandstormCore
import ServiceLifecycle

/// The connections to the ports of sandboxes. Made when the first is needed; as a service it closes them at the end.
final class PortClient: Service {
    private struct State {
        var client: HTTPClient?
        var isClosed = false
    }

    private let state = Locked(State())
    private let timeout: Duration

    /// - Parameter timeout: how long a port may take to take the next part of a request, or to begin its answer.
    init(timeout: Duration) { self.timeout = timeout }

    func run() async throws {
        try? await gracefulShutdown()
        let client = state.withLock { state in
            state.isClosed = true
            return state.client.take()
        }
        try? await client?.shutdown()
    }

    private func client() throws(Problem) -> HTTPClient {
        let client = state.withLock { state -> HTTPClient? in
            guard !state.isClosed else { return nil }
            if let client = state.client { return client }
            var configuration = HTTPClient.Configuration()
            // Over HTTP/2 a server that answers before it has read the request ends the whole process.
            configuration.httpVersion = .http1Only
            configuration.redirectConfiguration = .disallow
            configuration.decompression = .disabled
            configuration.timeout = .init(connect: .seconds(5))
            configuration.connectionPool.retryConnectionEstablishment = false
            configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 256
            configuration.connectionPool.idleTimeout = .seconds(10)
            state.client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
            return state.client
        }
        guard let client else { throw Problem.stopping }
        return client
    }

    /// Sends a request and waits for the head of its answer.
    ///
    /// - Parameter upload: what the request's body comes from.
    /// - Throws: ``Problem`` of kind `portUnreachable` or `portTimedOut`.
    func execute(_ request: HTTPClientRequest, uploading upload: UploadPump?) async throws -> HTTPClientResponse {
        let client = try client()
        do {
            return try await attempt(request, upload, client)
        } catch let error as HTTPClientError where error == .remoteConnectionClosed && upload == nil && PortClient.isSafe(request.method) {
            // The server may have closed a connection that was kept for the next request just as this was sent.
            do { return try await attempt(request, upload, client) } catch { throw PortClient.problem(error) }
        } catch {
            throw PortClient.problem(error)
        }
    }

    private func attempt(_ request: HTTPClientRequest, _ upload: UploadPump?, _ client: HTTPClient) async throws -> HTTPClientResponse {
        let timeout = timeout
        let start = ContinuousClock.now
        return try await withThrowingTaskGroup(of: HTTPClientResponse?.self) { group in
            group.addTask { try await client.execute(request, deadline: .distantFuture) }
            group.addTask {
                while true {
                    // As long as the body makes progress, no answer is due.
                    let due = max(start, upload?.lastProgress ?? start) + timeout
                    if due <= .now { throw Problem(.portTimedOut, "the sandbox's port gave no answer within \(timeout)") }
                    try await Task.sleep(until: due)
                }
            }
            defer { group.cancelAll() }
            guard let response = try await group.next() ?? nil else { throw CancellationError() }
            return response
        }
    }

    private static func isSafe(_ method: HTTPMethod) -> Bool { method == .GET || method == .HEAD || method == .OPTIONS }

    private static func problem(_ error: any Error) -> any Error {
        if error is Problem || error is CancellationError { return error }
        switch error as? HTTPClientError {
        case .connectTimeout?, .readTimeout?, .deadlineExceeded?:
            return Problem(.portTimedOut, "the sandbox's port did not answer in time")
        case .invalidURL?: return Problem(.malformedHTTP, "the path is no path of a URL")
        case .remoteConnectionClosed?:
            return Problem(.portUnreachable, "nothing listens on the sandbox's port, or it closed the connection without an answer")
        default: return Problem(.portUnreachable, "nothing listens on the sandbox's port, or what listens does not speak HTTP")
        }
    }
}
