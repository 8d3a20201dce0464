#if os(Linux)
import Foundation
import Glibc
import NIOCore
import NIOPosix
import SandstormCore
import Testing

@testable import LocalProvider

@Suite("Ports of a local sandbox", .enabled(if: Machine.canRun, Machine.why))
struct EndpointTests {
    /// The socket that an address stands for.
    private func path(_ endpoint: SandboxEndpoint) throws -> String {
        let text = endpoint.url.absoluteString
        try #require(text.hasPrefix("http+unix://%2F") && text.hasSuffix("/"))
        return try #require(text.dropFirst("http+unix://".count).dropLast().removingPercentEncoding)
    }

    /// One request, its connection closed after the answer; empty if it is closed without one.
    private func get(_ target: String, through path: String) async throws -> String {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connect(unixDomainSocketPath: path) {
            channel in
            channel.eventLoop.makeCompletedFuture {
                try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
            }
        }
        return try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: "GET \(target) HTTP/1.0\r\n\r\n"))
            var answer = ByteBuffer()
            do {
                for try await bytes in inbound { answer.writeImmutableBuffer(bytes) }
            } catch is IOError {
                // It was closed with our request unread.
            }
            return String(buffer: answer)
        }
    }

    @Test("a server inside is reached, from outside only, until the sandbox is killed", arguments: Machine.levels)
    func server(level: IsolationLevel) async throws {
        try await Playground.runEveryLevel { playground in
            #expect(playground.provider.capabilities.ports)
            let sandbox = try await playground.sandbox(level)
            // Asked for before anything listens.
            let endpoint = try await sandbox.endpoint(port: 8000)
            let path = try path(endpoint)
            #expect(endpoint.headers.isEmpty)
            #expect((try? await get("/", through: path)) ?? "" == "")
            try await sandbox.files.write("page.txt", ByteBuffer(string: "hello from inside"), mode: 0o644)
            let server = try await sandbox.start(Command(["python3", "-m", "http.server", "--bind", "127.0.0.1", "8000"]))
            #expect(
                try await eventually(within: .seconds(60)) {
                    (try? await get("/page.txt", through: path))?.hasSuffix("hello from inside") == true
                })
            #expect(try await sandbox.endpoint(port: 8000) == endpoint)

            var info = stat()
            try #require(stat(path, &info) == 0)
            #expect(info.st_mode & 0o077 == 0)
            try #require(stat(String(path[..<(try #require(path.lastIndex(of: "/")))]), &info) == 0)
            #expect(info.st_mode & 0o7777 == 0o700)
            #expect(try await sandbox.sh("test -e \(path)").code == 1)

            try await sandbox.kill()
            #expect(!HostFile.exists(path))
            #expect(await providerError { _ = try await sandbox.endpoint(port: 8000) }?.code == .notFound)
            _ = server
        }
    }

    @Test("many at once of one port are one; each port and each sandbox has its own")
    func addresses() async throws {
        try await Playground.run { playground in
            let (first, second) = (try await playground.sandbox(), try await playground.sandbox())
            let endpoints = try await withThrowingTaskGroup(of: SandboxEndpoint.self) { group in
                for index in 0..<20 { group.addTask { try await (index < 10 ? first : second).endpoint(port: 80 + index % 2) } }
                return try await group.reduce(into: Set<SandboxEndpoint>()) { $0.insert($1) }
            }
            #expect(endpoints.count == 4)
            for port in [0, -1, 65_536, .max] {
                #expect(await providerError { _ = try await first.endpoint(port: port) }?.code == .invalid)
            }
            for port in 1000..<1062 { _ = try await first.endpoint(port: port) }
            #expect(await providerError { _ = try await first.endpoint(port: 5000) }?.code == .invalid)
            _ = try await first.endpoint(port: 80)
        }
    }

    @Test("a path too long for a socket is shortened, and removed with the sandbox, also by another process")
    func longPath() async throws {
        let name = String(repeating: "long/", count: 25)
        try await Playground.run({ $0.stateDirectory += "/\(name)local" }) { playground in
            for byAnother in [false, true] {
                let sandbox = try await playground.sandbox()
                let path = try path(try await sandbox.endpoint(port: 65_535))
                #expect(path.utf8.count <= 103)
                #expect(HostFile.exists(path))
                if byAnother {
                    let second = await LocalProvider(configuration: playground.provider.configuration)
                    try await second.destroy(sandbox.id)
                }
                try await sandbox.kill()
                #expect(!HostFile.isDirectory(String(path[..<(try #require(path.lastIndex(of: "/")))])))
            }
        }
    }

    @Test("a path of any length leads to a socket", arguments: [102, 103, 104, 107, 108])
    func pathOfLength(_ length: Int) async throws {
        let idLength = Locked(0)
        try await Playground.run { playground in
            let id = try await playground.sandbox().id
            idLength.withLock { $0 = id.rawValue.utf8.count }
        }
        try await Playground.run({ configuration in
            let taken = configuration.stateDirectory.utf8.count + "//".utf8.count + idLength.withLock(\.self) + "/ports/65535".utf8.count
            let rest = length - taken
            configuration.stateDirectory += "/" + String(repeating: "x", count: rest)
        }) { playground in
            let sandbox = try await playground.sandbox()
            let path = try path(try await sandbox.endpoint(port: 65_535))
            #expect(HostFile.exists(path))
            #expect(path.hasPrefix(playground.provider.configuration.stateDirectory + "/") == (length <= 103))
        }
    }

    @Test("of a paused sandbox the address is given, and answers once it is resumed")
    func paused() async throws {
        try await Playground.run { playground in
            guard playground.provider.capabilities.pause else { return }
            let sandbox = try await playground.sandbox()
            let server = try await sandbox.start(Command(["python3", "-m", "http.server", "--bind", "127.0.0.1", "8000"]))
            let path = try path(try await sandbox.endpoint(port: 8000))
            #expect(try await eventually(within: .seconds(60)) { try await get("/", through: path).contains("200 OK") })
            try await sandbox.pause()
            #expect(try self.path(try await sandbox.endpoint(port: 8000)) == path)
            async let answer = get("/", through: path)
            try await sandbox.resume()
            #expect(try await answer.contains("200 OK"))
            _ = server
        }
    }
}
#endif
