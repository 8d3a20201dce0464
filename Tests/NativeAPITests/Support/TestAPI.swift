import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import NativeAPI
import SandstormCore
import SandstormEngine
import SandstormServer
import SandstormTestSupport
import ServiceLifecycle
import Testing

/// The API over a whole gateway.
struct TestAPI: Sendable {
    let gateway: TestGateway
    let auth: AuthMode
    var configuration = GatewayServer.Configuration(address: .hostname("127.0.0.1", port: 0))

    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    init(
        _ providers: [any SandboxProvider] = [ScriptedProvider()], auth: AuthMode = .none, engine: EngineConfiguration = TestGateway.quick,
        prices: PriceConfiguration? = nil
    ) async throws {
        gateway = try await TestGateway(providers, configuration: engine, prices: prices)
        self.auth = auth
    }

    /// A gateway that wants keys, and one.
    static func withKeys(
        _ providers: [any SandboxProvider] = [ScriptedProvider()]
    ) async throws -> (api: TestAPI, ring: KeyRing, secret: String) {
        let gateway = try await TestGateway(providers)
        let ring = KeyRing(store: gateway.store)
        return (TestAPI(gateway: gateway, auth: .required(ring)), ring, try await ring.make(name: "test").secret)
    }

    private init(gateway: TestGateway, auth: AuthMode) {
        self.gateway = gateway
        self.auth = auth
    }

    /// Runs `body` against the handlers, without sockets.
    func test(_ body: @Sendable (any TestClientProtocol) async throws -> Void) async throws {
        await gateway.engine.recover()
        let server = GatewayServer(configuration)
        let application = server.application(
            [NativeAPI(engine: gateway.engine, auth: auth, server: server)], logger: TestAPI.logger)
        do {
            try await application.test(.router, body)
        } catch {
            await gateway.stop()
            throw error
        }
        await gateway.stop()
    }

    /// Runs `body` against a listening server, which is stopped gracefully afterwards unless `body` did so.
    func serve(_ body: @escaping @Sendable (LiveServer) async throws -> Void) async throws {
        let (ports, portFound) = AsyncStream<Int?>.makeStream()
        let server = GatewayServer(configuration)
        let service = try server.service([NativeAPI(engine: gateway.engine, auth: auth, server: server)], logger: TestAPI.logger) {
            _, port in
            portFound.yield(port)
        }
        let group = ServiceGroup(configuration: .init(services: [.init(service: service)], logger: TestAPI.logger))
        do {
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await group.run() }
                let port = try #require(await ports.first { _ in true } ?? nil)
                do {
                    try await body(LiveServer(port: port, group: group))
                } catch {
                    await group.triggerGracefulShutdown()
                    throw error
                }
                await group.triggerGracefulShutdown()
            }
        } catch {
            await gateway.stop()
            throw error
        }
        await gateway.stop()
    }
}

/// A server that listens.
struct LiveServer: Sendable {
    let port: Int
    let group: ServiceGroup

    var url: String { "http://127.0.0.1:\(port)" }
}

extension TestClientProtocol {
    /// Sends a request with a text as its body.
    func send(
        _ method: HTTPRequest.Method, _ uri: String, _ body: String? = nil, headers: HTTPFields = [:]
    ) async throws -> TestResponse {
        try await execute(uri: uri, method: method, headers: headers, body: body.map { ByteBuffer(string: $0) })
    }

    /// Starts a detached run and waits for its end.
    func settledRun(_ body: String = minimalRun) async throws -> RunID {
        let response = try await send(.post, "/v1/runs", body)
        return try #require(try response.json["id"]?.stringValue.flatMap { RunID($0) })
    }
}

/// A run that every provider can run.
let minimalRun = #"{"spec":{"code":"echo hello","language":"shell"}}"#
/// The same, going on without its caller.
let detachedRun = #"{"spec":{"code":"echo hello","language":"shell"},"detached":true}"#

extension TestResponse {
    var text: String { String(buffer: body) }

    var json: JSONValue {
        get throws { try JSONValue(parsing: body.readableBytesView) }
    }

    /// The last part of the problem's type, if this is a whole problem document.
    func problem(sourceLocation: SourceLocation = #_sourceLocation) throws -> String {
        #expect(headers[.contentType] == "application/problem+json", sourceLocation: sourceLocation)
        let json = try json
        #expect(json["status"]?.intValue == Int(status.code), sourceLocation: sourceLocation)
        #expect(json["title"]?.stringValue?.isEmpty == false, sourceLocation: sourceLocation)
        #expect(json["detail"]?.stringValue?.isEmpty == false, sourceLocation: sourceLocation)
        #expect(json["retryable"]?.boolValue != nil, sourceLocation: sourceLocation)
        let requestID = try #require(HTTPField.Name("X-Request-Id"))
        #expect(json["requestId"]?.stringValue == headers[requestID], sourceLocation: sourceLocation)
        let type = try #require(json["type"]?.stringValue, sourceLocation: sourceLocation)
        let prefix = "urn:sandstorm:problem:"
        #expect(type.hasPrefix(prefix), sourceLocation: sourceLocation)
        return String(type.dropFirst(prefix.count))
    }
}

extension HTTPFields {
    /// Fields by their names.
    init(names: [String: String]) {
        self.init()
        for (name, value) in names { if let name = HTTPField.Name(name) { self[name] = value } }
    }
}
