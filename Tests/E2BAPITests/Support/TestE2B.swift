import AsyncHTTPClient
import E2BAPI
import Logging
import NIOCore
import NIOHTTP1
import SandstormCore
import SandstormEngine
import SandstormServer
import SandstormTestSupport
import ServiceLifecycle
import Testing

/// The front end over a whole gateway.
struct TestE2B: Sendable {
    let gateway: TestGateway
    var auth = AuthMode.none
    var configuration = GatewayServer.Configuration(address: .hostname("127.0.0.1", port: 0))
    var settings = E2BSettings()

    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    init(_ providers: [any SandboxProvider] = [ScriptedProvider()], engine: EngineConfiguration = TestGateway.quick) async throws {
        gateway = try await TestGateway(providers, configuration: engine)
    }

    /// Runs `body` against a listening server over real sandboxes of this machine.
    static func local(_ body: @escaping @Sendable (LiveE2B) async throws -> Void) async throws {
        let directory = try TemporaryDirectory()
        var engine = TestGateway.quick
        engine.createTimeout = .seconds(120)
        try await TestE2B([LocalMachine.provider(in: directory)], engine: engine).serve(body)
    }

    /// Runs `body` against a listening server, which is stopped afterwards.
    func serve(_ body: @escaping @Sendable (LiveE2B) async throws -> Void) async throws {
        let (ports, portFound) = AsyncStream<Int?>.makeStream()
        let server = GatewayServer(configuration)
        var settings = settings
        settings.uploadDirectory = "\(gateway.directory.path)/uploads"
        let frontEnd = E2BAPI(engine: gateway.engine, auth: auth, server: server, settings: settings)
        let service = try server.service([frontEnd], logger: TestE2B.logger) { _, port in portFound.yield(port) }
        let services: [ServiceGroupConfiguration.ServiceConfiguration] = [.init(service: service), .init(service: frontEnd.upkeep)]
        let group = ServiceGroup(configuration: .init(services: services, logger: TestE2B.logger))
        var client = HTTPClient.Configuration()
        client.httpVersion = .http1Only
        client.redirectConfiguration = .disallow
        client.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 64
        do {
            try await HTTPClient.withHTTPClient(configuration: client) { [gateway] client in
                try await withThrowingTaskGroup(of: Void.self) { tasks in
                    tasks.addTask { try await group.run() }
                    let port = try #require(await ports.first { _ in true } ?? nil)
                    do {
                        try await body(LiveE2B(port: port, engine: gateway.engine, client: client, group: group))
                    } catch {
                        await group.triggerGracefulShutdown()
                        throw error
                    }
                    await group.triggerGracefulShutdown()
                }
            }
        } catch {
            await gateway.stop()
            throw error
        }
        await gateway.stop()
    }
}

/// A server that listens.
struct LiveE2B: Sendable {
    let port: Int
    let engine: Engine
    let client: HTTPClient
    let group: ServiceGroup

    /// Asks the server to stop.
    func stop() async { await group.triggerGracefulShutdown() }

    var url: String { "http://127.0.0.1:\(port)" }

    /// Sends a request and reads all of its answer.
    func send(
        _ method: String, _ path: String, _ body: HTTPClientRequest.Body? = nil, headers: [(String, String)] = [],
        within time: TimeAmount = .seconds(120)
    ) async throws -> Answer {
        let response = try await open(method, path, body, headers: headers, within: time)
        return Answer(
            status: Int(response.status.code), headers: Dictionary(response.headers.map { ($0.name.lowercased(), $0.value) }) { $1 },
            body: try await response.body.collect(upTo: 1 << 28))
    }

    /// Sends a request and gives its answer as it comes.
    func open(
        _ method: String, _ path: String, _ body: HTTPClientRequest.Body? = nil, headers: [(String, String)] = [],
        within time: TimeAmount = .seconds(120)
    ) async throws -> HTTPClientResponse {
        var request = HTTPClientRequest(url: url + path)
        request.method = .RAW(value: method)
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        request.body = body
        return try await client.execute(request, timeout: time)
    }
}

/// A whole answer.
struct Answer: Sendable {
    let status: Int
    /// By name in lowercase.
    let headers: [String: String]
    let body: ByteBuffer

    var text: String { String(buffer: body) }
    var json: JSONValue { get throws { try JSONValue(parsing: body.readableBytesView) } }
    /// The message of an error in the vendor's form.
    var message: String? { (try? json)?["message"]?.stringValue }
}
