import NIOCore
import NativeAPI
import SandstormCore
import SandstormEngine
import SandstormTestSupport
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

#if os(Linux)
@Suite("Many connections") struct ManyConnectionsTests {
    /// How many: enough to measure what each costs, if that was asked for, beside which nothing else should run.
    private static let isMeasuring = ProcessInfo.processInfo.environment["SANDSTORM_MEASURE_CONNECTIONS"] != nil
    private static let count = isMeasuring ? 10_000 : 500

    /// Opens connections from a process of its own, which has descriptors of its own, and keeps them open.
    private static let script = """
        import socket, sys, time
        port, count, request = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3].encode()
        connections = []
        for number in range(count):
            connection = socket.create_connection(("127.0.0.1", port))
            connections.append(connection)
            if request: connection.sendall(request)
        for connection in connections if request else []:
            received = b""
            while b"event: stdout" not in received:
                part = connection.recv(65536)
                if not part: sys.exit("closed after " + repr(received))
                received += part
        print("ready", flush=True)
        time.sleep(3600)
        """

    /// Bytes of memory that this process has in use.
    private static var residentBytes: Int {
        let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
        return (text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * Int(getpagesize())
    }

    /// Whether this process may have so many descriptors, and whether there is a Python to open the other ends.
    static var isPossible: Bool {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return limit.rlim_cur >= count * 3 / 2 + 200 && access("/usr/bin/python3", X_OK) == 0
    }

    private func measure(_ server: LiveServer, request: String, connections: @escaping @Sendable () async throws -> Int) async throws -> Int
    {
        let before = ManyConnectionsTests.residentBytes
        let child = try ChildProgram(
            "/usr/bin/python3", ["-c", ManyConnectionsTests.script, "\(server.port)", "\(ManyConnectionsTests.count)", request],
            environment: [:])
        defer { child.send(.kill) }
        let isReady = await eventually(within: .seconds(240)) { !child.output.isEmpty || child.exitCode != nil }
        #expect(isReady)
        #expect(String(decoding: child.output, as: UTF8.self) == "ready\n", "\(String(decoding: child.errors, as: UTF8.self))")
        #expect(try await eventually { try await connections() >= ManyConnectionsTests.count })
        return (ManyConnectionsTests.residentBytes - before) / ManyConnectionsTests.count
    }

    @Test(.enabled(if: isPossible, "needs descriptors, and a Python to open the other ends"))
    func `cost little each, idle ones and event streams`()
        async throws
    {
        for isStreaming in [false, true] {
            let api = try TestAPI([ScriptedProvider(script: [.output("on\n"), .sleep(.seconds(3600)), .exit(0)])])
            try await api.serve { server in
                var request = ""
                if isStreaming {
                    let handle = try await api.gateway.engine.submit(.scripted(timeout: .seconds(3600), detached: true), by: .local)
                    request = "GET /v1/runs/\(handle.id)/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
                }
                let bytes = try await measure(server, request: request) {
                    try await RawConnection.metric("sandstorm_http_connections", of: server)
                }
                print("\(isStreaming ? "event stream" : "idle connection"): \(bytes) bytes each")
                // As a debug build has it.
                if ManyConnectionsTests.isMeasuring { #expect(bytes < 48 * 1024) }
            }
        }
    }
}
#endif
