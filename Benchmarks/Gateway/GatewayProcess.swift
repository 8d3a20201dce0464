import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import SandstormCore
import SandstormTestSupport

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The program as users start it, in a process of its own: `sandstorm serve`, built the way the benchmarks are.
final class GatewayProcess: Sendable {
    let url: String
    let port: Int
    /// Empty with `--dev`.
    let key: String
    private let directory: TemporaryDirectory
    private let program: ChildProgram

    /// Starts a gateway and waits until it is ready.
    init(_ options: [String]) async throws {
        directory = try TemporaryDirectory()
        let executable = URL(fileURLWithPath: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
            .deletingLastPathComponent().appendingPathComponent("sandstorm").path
        program = try ChildProgram(
            executable, ["serve", "--listen", "127.0.0.1:0", "--data-dir", directory.path] + options,
            environment: ["PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"])
        let program = program
        guard await eventually(within: .seconds(30), { String(decoding: program.errors, as: UTF8.self).contains("listening on") }) else {
            throw BenchmarkFailure("the gateway did not start: \(String(decoding: program.errors, as: UTF8.self))")
        }
        let said = String(decoding: program.errors, as: UTF8.self)
        key = said.split(whereSeparator: \.isWhitespace).map(String.init).last { $0.hasPrefix("sandstorm_") } ?? ""
        let address = said.split(whereSeparator: { $0.isWhitespace || $0 == "," }).map(String.init).last { $0.hasPrefix("http://") } ?? ""
        url = address
        port = address.split(separator: ":").last.flatMap { Int($0) } ?? 0
        let ready = address + "/readyz"
        guard
            await eventually(
                within: .seconds(30), { (try? await Self.client.execute(.init(url: ready), timeout: .seconds(5)))?.status == .ok })
        else { throw BenchmarkFailure("the gateway did not become ready: \(said)") }
    }

    /// Resident memory in bytes.
    var residentBytes: Int {
        let status = (try? String(contentsOfFile: "/proc/\(program.pid)/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return (line.flatMap { Int($0.filter(\.isNumber)) } ?? 0) * 1024
    }

    func stop() async {
        program.send(.terminate)
        _ = await program.wait(within: .seconds(40))
    }

    func request(_ path: String, _ body: JSONValue? = nil) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: url + path)
        if !key.isEmpty { request.headers.add(name: "authorization", value: "Bearer \(key)") }
        if let body {
            request.method = .POST
            request.body = .bytes(ByteBuffer(bytes: body.encodedBytes))
        }
        return request
    }

    static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration()
        configuration.httpVersion = .http1Only
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 512
        return HTTPClient(configuration: configuration)
    }()
}
