import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOSSL
import SandstormCore

/// What an adapter talks to its vendor with: pooled connections, HTTP/1.1 only, and an end to every wait.
///
/// It follows no redirect, decompresses nothing, and retries nothing but what HTTP itself expects of whoever keeps connections: a request
/// whose repetition does no harm, when the vendor has closed the connection in the moment that it was used.
package final class VendorClient: Sendable {
    /// How connections are made and kept.
    package struct Settings: Sendable {
        /// Until a connection is there, TLS included.
        package var connectTimeout = Duration.seconds(10)
        /// Connections to one host at a time. Each stream has one to itself, so this bounds the streams.
        package var connectionsPerHost = 4096
        /// A connection is kept for so long; below what servers and the boxes before them keep theirs, or requests meet closed ones.
        package var idleTimeout = Duration.seconds(20)
        /// A file of certificates in PEM form that are trusted instead of the machine's own.
        package var trustedCertificates: String?

        package init() {}
    }

    private let http: HTTPClient

    /// - Throws: ``VendorFailure`` if the file of certificates can't be read.
    package init(_ settings: Settings = Settings()) throws(VendorFailure) {
        var configuration = HTTPClient.Configuration()
        // Over HTTP/2 a server that answers before it has read the request ends the whole process.
        configuration.httpVersion = .http1Only
        configuration.redirectConfiguration = .disallow
        configuration.decompression = .disabled
        configuration.timeout = .init(connect: .milliseconds(settings.connectTimeout.wholeMilliseconds))
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = settings.connectionsPerHost
        configuration.connectionPool.idleTimeout = .milliseconds(settings.idleTimeout.wholeMilliseconds)
        if let path = settings.trustedCertificates {
            var tls = TLSConfiguration.makeClientConfiguration()
            do {
                tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(path))
            } catch {
                throw VendorFailure(.unreachable, "the file of trusted certificates can't be read", mayHaveArrived: false)
            }
            configuration.tlsConfiguration = tls
        }
        http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    deinit {
        // A client that is let go without this stops the process in debug builds.
        http.shutdown { _ in }
    }

    // MARK: Whole answers

    /// Sends a request and takes the whole answer, whatever its status.
    ///
    /// - Parameters:
    ///   - limit: until the answer is there; a streamed body may take longer as long as it makes progress.
    ///   - most: the most bytes that the answer may have.
    package func answer(
        to request: VendorRequest, within limit: Duration, upTo most: Int = 16 << 20
    ) async throws(VendorFailure) -> VendorAnswer {
        try await exchange(request, within: limit) { response in
            let body = try await response.body.collect(upTo: most)
            return VendorAnswer(status: Int(response.status.code), headers: response.headers, body: body)
        }
    }

    /// Sends a request and waits for the head of its answer, whatever its status; the body is then read as it is asked for.
    ///
    /// - Parameter limit: until the head is there.
    package func open(_ request: VendorRequest, within limit: Duration) async throws(VendorFailure) -> VendorStream {
        try await exchange(request, within: limit) { response in VendorStream(response) }
    }

    private func exchange<Value: Sendable>(
        _ request: VendorRequest, within limit: Duration, _ take: @escaping @Sendable (HTTPClientResponse) async throws -> Value
    ) async throws(VendorFailure) -> Value {
        do {
            return try await attempt(request, within: limit, take)
        } catch let failure as VendorFailure {
            guard failure.kind == .lost, request.isRepeatable, !Task.isCancelled else { throw failure }
            do { return try await attempt(request, within: limit, take) } catch { throw VendorFailure(transport: error) }
        } catch {
            throw VendorFailure(transport: error)
        }
    }

    private enum Part<Value: Sendable>: Sendable {
        case value(Value)
        case sent
    }

    /// One exchange. Whoever reads the body's source has stopped when this returns: a source has one reader at a time.
    private func attempt<Value: Sendable>(
        _ request: VendorRequest, within limit: Duration, _ take: @escaping @Sendable (HTTPClientResponse) async throws -> Value
    ) async throws -> Value {
        var outgoing = HTTPClientRequest(url: request.url)
        outgoing.method = request.method
        outgoing.headers = request.headers
        let upload: VendorUpload?
        switch request.body {
        case .none: upload = nil
        case .bytes(let bytes):
            upload = nil
            outgoing.body = .bytes(bytes)
        case .stream(let source, let length):
            let pump = VendorUpload(source)
            upload = pump
            outgoing.body = .stream(pump, length: length.map { .known($0) } ?? .unknown)
        }
        let (sending, http, start) = (outgoing, http, ContinuousClock.now)
        return try await withThrowingTaskGroup(of: Part<Value>.self) { group in
            defer { group.cancelAll() }
            if let upload {
                group.addTask {
                    await upload.run()
                    return .sent
                }
            }
            group.addTask {
                do {
                    return .value(try await take(try await http.execute(sending, deadline: .distantFuture)))
                } catch {
                    // The client says only that the body ended badly; why is told by its source.
                    if let failure = upload?.failure { throw VendorFailure(.source(failure), failure.message, mayHaveArrived: false) }
                    throw VendorFailure(transport: error)
                }
            }
            group.addTask {
                while true {
                    let due = max(start, upload?.lastProgress ?? start) + limit
                    if due <= .now { throw VendorFailure(.timedOut, "no answer came in time", mayHaveArrived: true) }
                    try await Task.sleep(until: due)
                }
            }
            while let part = try await group.next() {
                if case .value(let value) = part { return value }
            }
            throw VendorFailure.cancelled
        }
    }
}
