import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import SandstormCore
import SandstormTestSupport

/// A gateway in a process of its own, as a shell with a low limit of open files starts it, whose memory is looked at from outside.
final class MeasuredGateway: Sendable {
    let port: Int
    private let directory: TemporaryDirectory
    private let process: ChildProgram

    init(_ options: [String] = []) async throws {
        let directory = try TemporaryDirectory()
        self.directory = directory
        let process = try ChildProgram(
            "/bin/sh",
            [
                "-c", "ulimit -Sn 1024; exec \"$@\"", "sh", Gateway.executable, "serve", "--dev", "--listen", "127.0.0.1:0", "--data-dir",
                directory.path,
            ] + options, environment: ProcessInfo.processInfo.environment)
        self.process = process
        let port = Locked<Int?>(nil)
        let isUp = await eventually(within: .seconds(60)) {
            let said = String(decoding: process.errors, as: UTF8.self)
            guard let start = said.range(of: "listening on http://127.0.0.1:") else { return false }
            let number = Int(said[start.upperBound...].prefix(while: \.isNumber))
            port.withLock { $0 = number }
            return number != nil
        }
        guard isUp, let number = port.withLock({ $0 }) else {
            throw Failure("the gateway did not start: \(String(decoding: process.errors, as: UTF8.self))")
        }
        self.port = number
    }

    deinit { process.send(.terminate) }

    /// Stops it and waits for its end.
    func stop() async {
        process.send(.terminate)
        _ = await process.wait(within: .seconds(60))
    }

    // MARK: Its process

    /// Memory that it has in use and that is no file's, in bytes.
    var anonymousBytes: Int { (MeasuredGateway.number(after: "RssAnon:", in: "/proc/\(process.pid)/status") ?? 0) * 1024 }

    /// How many files it may have open.
    var fileLimit: Int? { MeasuredGateway.number(after: "Max open files", in: "/proc/\(process.pid)/limits") }

    private static func number(after start: String, in path: String) -> Int? {
        let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix(start) }
        return line.flatMap { Int($0.dropFirst(start.count).drop { !$0.isNumber }.prefix(while: \.isNumber)) }
    }

    /// Its memory once it has not changed for a second, or after ten.
    func restingBytes() async throws -> Int {
        var (bytes, steady) = (anonymousBytes, 0)
        for _ in 0..<100 where steady < 10 {
            try await Task.sleep(for: .milliseconds(100))
            let now = anonymousBytes
            steady = abs(now - bytes) <= 16 * 1024 ? steady + 1 : 0
            bytes = now
        }
        return bytes
    }

    // MARK: Its API

    func post(_ path: String, _ body: JSONValue) async throws -> Gateway.Reply {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
        request.method = .POST
        request.body = .bytes(ByteBuffer(bytes: body.encodedBytes))
        return try await MeasuredGateway.execute(request)
    }

    func get(_ path: String) async throws -> Gateway.Reply {
        try await MeasuredGateway.execute(HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)"))
    }

    private static func execute(_ request: HTTPClientRequest) async throws -> Gateway.Reply {
        // On a connection of its own, so that one which is closed for being idle is nobody's next.
        var request = request
        request.headers.add(name: "Connection", value: "close")
        let response = try await Gateway.client.execute(request, timeout: .seconds(120))
        let body = try await response.body.collect(upTo: 16 * 1024 * 1024)
        return Gateway.Reply(status: response.status.code, body: String(buffer: body))
    }

    /// The value of one of its metrics that has no labels.
    func metric(_ name: String) async throws -> Int? {
        let line = try await get("/metrics").body.split(separator: "\n").first { $0.hasPrefix(name + " ") }
        return line.flatMap { Int($0.split(separator: " ")[1].prefix(while: \.isNumber)) }
    }

    /// Runs `echo` in a sandbox of its own and gives how long that took.
    func runEcho() async throws -> Duration {
        let start = ContinuousClock.now
        let reply = try await post("/v1/runs", ["spec": ["command": ["echo", "hi"], "timeout": 60_000]])
        guard reply.json?["stdout"] == "hi\n" else { throw Failure("the run failed: \(reply.body)") }
        return .now - start
    }
}
