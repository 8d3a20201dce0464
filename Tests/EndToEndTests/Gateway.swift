import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import SandstormCore
import SandstormTestSupport

/// The program as users start it: `sandstorm serve --dev`, in a process of its own.
final class Gateway: Sendable {
    let url: String
    let dataDirectory: TemporaryDirectory
    private let process: ChildProgram

    /// Starts a gateway and waits until it is ready.
    init(dataDirectory: TemporaryDirectory? = nil, options: [String] = []) async throws {
        let directory = try dataDirectory ?? TemporaryDirectory()
        self.dataDirectory = directory
        let port = try Gateway.freePort()
        url = "http://127.0.0.1:\(port)"
        process = try ChildProgram(
            Gateway.executable, ["serve", "--dev", "--listen", "127.0.0.1:\(port)", "--data-dir", directory.path] + options,
            environment: ProcessInfo.processInfo.environment)
        let ready = url + "/readyz"
        guard await eventually(within: .seconds(30), { (try? await Gateway.get(ready))?.status == 200 }) else {
            throw Failure("the gateway did not become ready: \(String(decoding: process.errors, as: UTF8.self))")
        }
    }

    deinit { process.send(.terminate) }

    /// The program beside the test bundle.
    static let executable: String = {
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
        return URL(fileURLWithPath: own).deletingLastPathComponent().appendingPathComponent("sandstorm").path
    }()

    /// Ends the process as a power cut would.
    func killHard() async {
        process.send(.kill)
        _ = await process.wait()
    }

    /// Asks the process to stop and waits for it.
    func stop() async -> Int32? {
        process.send(.terminate)
        return await process.wait(within: .seconds(40))
    }

    // MARK: HTTP

    struct Reply: Sendable {
        var status: UInt
        var body: String
        var json: JSONValue? { try? JSONValue(parsing: body) }
    }

    static func get(_ url: String) async throws -> Reply { try await execute(HTTPClientRequest(url: url)) }

    func get(_ path: String) async throws -> Reply { try await Gateway.get(url + path) }

    func post(_ path: String, _ body: JSONValue) async throws -> Reply {
        var request = HTTPClientRequest(url: url + path)
        request.method = .POST
        request.body = .bytes(ByteBuffer(bytes: body.encodedBytes))
        return try await Gateway.execute(request)
    }

    private static func execute(_ request: HTTPClientRequest) async throws -> Reply {
        let response = try await client.execute(request, timeout: .seconds(300))
        let body = try await response.body.collect(upTo: 64 * 1024 * 1024)
        return Reply(status: response.status.code, body: String(buffer: body))
    }

    static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration()
        configuration.httpVersion = .http1Only
        configuration.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(configuration: configuration)
    }()

    private static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let port = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic -> UInt16? in
                guard bind(descriptor, generic, length) == 0, getsockname(descriptor, generic, &length) == 0 else { return nil }
                return UnsafeRawPointer(generic).load(as: sockaddr_in.self).sin_port.bigEndian
            }
        }
        guard let port else { throw Failure("no free port") }
        return Int(port)
    }
}

/// A test could not be set up.
struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
