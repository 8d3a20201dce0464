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
        process = try ChildProgram(
            Gateway.executable, ["serve", "--dev", "--listen", "127.0.0.1:0", "--data-dir", directory.path] + options,
            environment: ProcessInfo.processInfo.environment)
        // It first settles what an earlier one has left, which takes its time on a busy machine.
        let isReady = await eventually(within: .seconds(120)) { [process] in
            guard process.isRunning, let url = Gateway.address(in: process.errors) else { return !process.isRunning }
            return (try? await Gateway.get(url + "/readyz"))?.status == 200
        }
        guard isReady, process.isRunning, let url = Gateway.address(in: process.errors) else {
            throw Failure("the gateway did not become ready: \(String(decoding: process.errors, as: UTF8.self))")
        }
        self.url = url
    }

    /// Where it says that it listens.
    private static func address(in text: [UInt8]) -> String? {
        // A line that has not ended may be cut in the middle of the port.
        guard let end = text.lastIndex(of: UInt8(ascii: "\n")) else { return nil }
        return String(decoding: text[..<end], as: UTF8.self).split(separator: "\n").first { $0.contains("listening on") }
            .flatMap { line in line.split { " ,".contains($0) }.first { $0.hasPrefix("http://") } }.map(String.init)
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
        return await process.wait(within: .seconds(120))
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
}

/// A test could not be set up.
struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
