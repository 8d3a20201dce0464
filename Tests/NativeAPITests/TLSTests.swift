import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import NativeAPI
import SandstormCore
import SandstormTestSupport
import ServiceLifecycle
import Testing

@testable import SandstormServer

@Suite("TLS and HTTP/2") struct TLSTests {
    /// A certificate of its own authority, which clients can be told to trust.
    private static let files = Task { try await TLSFiles() }

    /// Serves the native API with TLS beside the plain listener.
    private func serve(_ body: @escaping @Sendable (_ port: Int, TLSFiles) async throws -> Void) async throws {
        let files = try await TLSTests.files.value
        let gateway = try await TestGateway([ScriptedProvider(script: [.output("on\n"), .exit(0)])])
        var configuration = GatewayServer.Configuration(address: .hostname("127.0.0.1", port: 0))
        configuration.tls = (.hostname("127.0.0.1", port: 0), try TLSIdentity(certificate: files.certificate, key: files.key))
        let server = GatewayServer(configuration)
        let (ports, portFound) = AsyncStream<Int?>.makeStream()
        let service = try server.service(
            [NativeAPI(engine: gateway.engine, auth: .none, server: server)], logger: TestAPI.logger
        ) { listener, port in if case .tls = listener { portFound.yield(port) } }
        let group = ServiceGroup(configuration: .init(services: [.init(service: service)], logger: TestAPI.logger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let port = try #require(await ports.first { _ in true } ?? nil)
            do {
                try await body(port, files)
            } catch {
                await group.triggerGracefulShutdown()
                throw error
            }
            await group.triggerGracefulShutdown()
        }
        #expect(await eventually { server.connections.count == 0 })
        await gateway.stop()
    }

    @Test(arguments: ["--http2", "--http1.1"]) func `both versions are spoken`(version: String) async throws {
        try await serve { port, files in
            let answer = try await files.curl(
                [version, "-w", " %{http_version}", "https://sandstorm.localhost:\(port)/v1/runs", "-d", minimalRun], port: port)
            #expect(answer.contains("\"stdout\":\"on\\n\""))
            #expect(answer.hasSuffix(version == "--http2" ? " 2" : " 1.1"))
        }
    }

    @Test func `a stream of HTTP/2 goes to its end`() async throws {
        try await serve { port, files in
            let answer = try await files.curl(
                ["--http2", "-H", "Accept: text/event-stream", "https://sandstorm.localhost:\(port)/v1/runs", "-d", minimalRun], port: port)
            #expect(answer.contains("event: stdout"))
            #expect(answer.contains("event: settled") || answer.contains("event: finished"))
        }
    }

    @Test func `many streams share a connection`() async throws {
        try await serve { port, files in
            let urls = (0..<50).flatMap { _ in ["-o", "/dev/null", "https://sandstorm.localhost:\(port)/healthz"] }
            let answer = try await files.curl(["--http2", "--parallel", "-w", "%{http_version} %{http_code}\n"] + urls, port: port)
            #expect(answer.split(separator: "\n").filter { $0 == "2 200" }.count == 50)
        }
    }

    @Test func `who does not trust the authority gets nothing`() async throws {
        try await serve { port, files in
            let child = try ChildProgram("/usr/bin/curl", ["-sS", "https://127.0.0.1:\(port)/healthz"], environment: [:])
            #expect(await child.wait() == 60)
            // The listener goes on.
            #expect(try await files.curl(["https://sandstorm.localhost:\(port)/healthz"], port: port) == "{\"status\":\"ok\"}")
        }
    }

    @Test func `what is no TLS closes only its own connection`() async throws {
        try await serve { port, files in
            try await RawConnection.connect(to: port) { connection in
                try await connection.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                #expect(await connection.readToEnd().contains("200") == false)
            }
            #expect(try await files.curl(["https://sandstorm.localhost:\(port)/healthz"], port: port) == "{\"status\":\"ok\"}")
        }
    }

    @Test func `files that are none are named`() async throws {
        let files = try await TLSTests.files.value
        #expect(throws: TLSIdentity.Failure.self) { try TLSIdentity(certificate: files.key, key: files.key) }
        #expect(throws: TLSIdentity.Failure.self) { try TLSIdentity(certificate: files.certificate, key: files.certificate) }
        // Another authority's key, which is a key all the same.
        let error = #expect(throws: TLSIdentity.Failure.self) { try TLSIdentity(certificate: files.certificate, key: files.authorityKey) }
        #expect(error?.file == files.authorityKey)
    }
}

/// A certificate for `*.sandstorm.localhost` and `sandstorm.localhost`, and the authority that signed it.
private struct TLSFiles: Sendable {
    private let directory: TemporaryDirectory
    var authority: String { directory.path + "/ca.pem" }
    var authorityKey: String { directory.path + "/ca.key" }
    var certificate: String { directory.path + "/leaf.pem" }
    var key: String { directory.path + "/leaf.key" }

    init() async throws {
        directory = try TemporaryDirectory()
        let script = """
            cd "$1"
            openssl ecparam -name prime256v1 -genkey -noout -out ca.key
            openssl ecparam -name prime256v1 -genkey -noout -out leaf.key
            openssl req -x509 -new -key ca.key -out ca.pem -days 2 -subj "/CN=test authority"
            openssl req -new -key leaf.key -out leaf.csr -subj "/CN=sandstorm.localhost"
            printf 'subjectAltName=DNS:*.sandstorm.localhost,DNS:sandstorm.localhost\\nbasicConstraints=CA:FALSE\\n' > extensions
            openssl x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out leaf.pem -days 2 -extfile extensions
            """
        let child = try ChildProgram("/bin/sh", ["-ec", script, "sh", directory.path], environment: ["PATH": "/usr/bin:/bin"])
        let code = await child.wait()
        try #require(code == 0, "\(String(decoding: child.errors, as: UTF8.self))")
    }

    /// What curl prints, which trusts the authority and finds `sandstorm.localhost` here.
    func curl(_ arguments: [String], port: Int) async throws -> String {
        let child = try ChildProgram(
            "/usr/bin/curl", ["-sS", "--cacert", authority, "--resolve", "sandstorm.localhost:\(port):127.0.0.1"] + arguments,
            environment: [:])
        let code = await child.wait()
        try #require(code == 0, "\(String(decoding: child.errors, as: UTF8.self))")
        return String(decoding: child.output, as: UTF8.self)
    }
}
