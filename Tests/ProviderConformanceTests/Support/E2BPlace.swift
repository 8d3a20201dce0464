#if os(Linux)
import AsyncHTTPClient
import E2BAPI
import E2BProvider
import LocalProvider
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import NIOSSL
import ProviderConformance
import SandstormCore
import SandstormEngine
import SandstormServer
import SandstormTestSupport
import ServiceLifecycle
import Testing

/// A gateway that speaks E2B's dialect over sandboxes of this machine, for as long as a test runs.
///
/// The adapter takes it for the vendor's cloud: over one address for everything, or over a host name for each port and TLS.
struct E2BPlace: TestTrait, TestScoping {
    /// How sandboxes are reached.
    enum Form: String, Sendable {
        case sharedURL, hostNames
    }

    let form: Form

    private static let accounts = Locked<[Form: E2BAccount]>([:])
    private static let client = HTTPClient(
        eventLoopGroupProvider: .singleton,
        configuration: {
            var configuration = HTTPClient.Configuration()
            configuration.httpVersion = .http1Only
            return configuration
        }())

    /// Asks a port by its host name, which no resolver here knows: it is connected to as this machine.
    static let fetch: ProviderConformance.Fetch = { url, headers in
        let authority = try #require(accounts.withLock { $0[.hostNames]?.trustedCertificates })
        var request = HTTPClientRequest(url: "https://localhost:\(url.port ?? 443)\(url.path())")
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        request.headers.add(name: "host", value: "\(url.host() ?? ""):\(url.port ?? 443)")
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .file(authority)
        request.tlsConfiguration = tls
        let response = try await client.execute(request, timeout: .seconds(10))
        return (Int(response.status.code), String(buffer: try await response.body.collect(upTo: 1 << 20)))
    }
    private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    private static let domain = "sandstorm.localhost"

    /// A provider on the account of the gateway that runs, as another gateway would have it too.
    static func provider(_ form: Form) throws -> E2BProvider {
        let account = try #require(accounts.withLock { $0[form] }, "the gateway does not run")
        return try E2BProvider(accounts: [account]) { .free }
    }

    /// Once for the test, not once for each of its cases.
    func scopeProvider(for test: Test, testCase: Test.Case?) -> E2BPlace? { testCase == nil ? self : nil }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        let local = await LocalMachine.provider(in: "e2b-\(form.rawValue)")
        var engine = EngineConfiguration()
        engine.drainTime = .zero
        engine.routing.hedging = false
        // Beside all the others a launch may take its time.
        engine.createTimeout = .seconds(120)
        engine.operationTimeout = .seconds(120)
        let gateway = try await TestGateway([local], configuration: engine)
        let files = try await TLSFiles(names: ["*.\(E2BPlace.domain)", "localhost"])
        let ring = KeyRing(store: gateway.store)
        let key = try #require(try await ring.makeFirst())
        var configuration = GatewayServer.Configuration(address: .hostname("127.0.0.1", port: 0))
        configuration.tls = (.hostname("127.0.0.1", port: 0), try TLSIdentity(certificate: files.certificate, key: files.key))
        let server = GatewayServer(configuration)
        let frontEnd = E2BAPI(
            engine: gateway.engine, auth: .required(ring), server: server, settings: E2BSettings(domain: E2BPlace.domain))
        let (ports, found) = AsyncStream<(GatewayServer.Listener, Int?)>.makeStream()
        let service = try server.service([frontEnd], logger: E2BPlace.logger) { found.yield(($0, $1)) }
        let group = ServiceGroup(
            configuration: .init(services: [.init(service: service), .init(service: frontEnd.upkeep)], logger: E2BPlace.logger))
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(
                try await withThrowingTaskGroup(of: Void.self) { tasks in
                    tasks.addTask { try await group.run() }
                    var numbers: [String: Int] = [:]
                    for await (listener, port) in ports {
                        numbers["\(listener)"] = port
                        if numbers.count == 2 { break }
                    }
                    let account = E2BPlace.account(
                        form, key: key, plain: numbers["plain"] ?? 0, tls: numbers["tls"] ?? 0, files, over: local.capabilities)
                    E2BPlace.accounts.withLock { $0[form] = account }
                    let result: Result<Void, any Error>
                    do { result = .success(try await function()) } catch { result = .failure(error) }
                    E2BPlace.accounts.withLock { $0[form] = nil }
                    await group.triggerGracefulShutdown()
                    try await tasks.waitForAll()
                    try result.get()
                })
        } catch {
            outcome = .failure(error)
        }
        await gateway.stop()
        try outcome.get()
    }

    /// What the gateway can do, in the adapter's words.
    private static func account(
        _ form: Form, key: String, plain: Int, tls: Int, _ files: TLSFiles, over capabilities: ProviderCapabilities
    ) -> E2BAccount {
        var account = E2BAccount(name: "local", key: E2BKey(key))
        switch form {
        case .sharedURL:
            account.apiURL = "http://127.0.0.1:\(plain)/e2b"
            account.sandboxURL = "http://127.0.0.1:\(plain)/e2b"
        case .hostNames:
            account.domain = "\(domain):\(tls)"
            account.trustedCertificates = files.authority
        }
        account.limits.cpu = max(1, capabilities.maximum.milliCPU / 1000)
        account.limits.memory = capabilities.maximum.memoryMiB / 2 * 2
        account.limits.leastMemory = 64
        account.limits.disk = min(capabilities.maximum.diskGiB, 10)
        account.limits.lifetime = .seconds(86_400)
        account.languages = capabilities.languages
        account.isolation = .standard
        let lacks: [(E2BFeature, Bool)] = [
            (.pause, !capabilities.pause), (.snapshots, !capabilities.snapshot.contains(.filesystem)),
            (.memorySnapshots, !capabilities.snapshot.contains(.memory)), (.fork, !capabilities.fork), (.ports, !capabilities.ports),
            (.terminal, !capabilities.terminal), (.usage, !capabilities.usage), (.watch, !capabilities.watch),
            (.root, !capabilities.users.contains(SandboxSpec.root)), (.openNetwork, !capabilities.openNetwork),
            (.allowList, !capabilities.networkAllowList), (.denyList, !capabilities.networkDenyList),
            (.networkChange, !capabilities.networkChange),
        ]
        account.lacks = Set(lacks.filter(\.1).map(\.0))
        return account
    }
}

/// A certificate for some names, and the authority that signed it.
struct TLSFiles: Sendable {
    private let directory: TemporaryDirectory
    var authority: String { directory.path + "/ca.pem" }
    var certificate: String { directory.path + "/leaf.pem" }
    var key: String { directory.path + "/leaf.key" }

    init(names: [String]) async throws {
        directory = try TemporaryDirectory()
        let script = """
            cd "$1"
            openssl ecparam -name prime256v1 -genkey -noout -out ca.key
            openssl ecparam -name prime256v1 -genkey -noout -out leaf.key
            openssl req -x509 -new -key ca.key -out ca.pem -days 2 -subj "/CN=test authority"
            openssl req -new -key leaf.key -out leaf.csr -subj "/CN=leaf"
            printf 'subjectAltName=%s\\nbasicConstraints=CA:FALSE\\n' "$2" > extensions
            openssl x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out leaf.pem -days 2 -extfile extensions
            """
        let child = try ChildProgram(
            "/bin/sh", ["-ec", script, "sh", directory.path, names.map { "DNS:\($0)" }.joined(separator: ",")],
            environment: ["PATH": "/usr/bin:/bin"])
        let code = await child.wait()
        try #require(code == 0, "\(String(decoding: child.errors, as: UTF8.self))")
    }
}
#endif
