import HTTPTypes
import HummingbirdTesting
import SandstormCore
import SandstormEngine
import SandstormTestSupport
import Testing

@testable import NativeAPI
@testable import SandstormServer

@Suite("Streams of processes") struct ProcessStreamTests {
    @Test func `a process tells its life, and goes on where a reader was cut off`() async throws {
        let script: [ScriptedProvider.Step] = [.output("a"), .errorOutput("b"), .output("c"), .exit(0)]
        try await TestAPI([ScriptedProvider(script: script)]).test { client in
            let place = try await client.sandbox()
            let response = try await client.send(.post, "\(place)/processes", #"{"command":["x"]}"#, headers: .acceptingEvents)
            let all = try ProcessTests.events(response)
            #expect(all.map(\.name) == ["started", "stdout", "stderr", "stdout", "exited"])
            let process = try #require(response.headers[.location])
            for position in 0...all.count {
                let rest = try await client.send(
                    .get, "\(process)/events", headers: HTTPFields(names: ["Last-Event-ID": "\(position)"]))
                #expect(try ProcessTests.events(rest).map(\.sequence) == Array(all.map(\.sequence)[position...]))
            }
            let wrong = try await client.send(.get, "\(process)/events", headers: HTTPFields(names: ["Last-Event-ID": "x"]))
            #expect(try wrong.problem() == "invalid-header")
        }
    }

    @Test func `a quiet stream shows that it lives`() async throws {
        var api = try await TestAPI([ScriptedProvider.withPrograms()])
        api.configuration.heartbeatInterval = .milliseconds(20)
        let configured = api
        try await configured.serve { server in
            let sandbox = try await configured.gateway.engine.createSandbox(SandboxRequest(), by: .local).sandbox
            try await RawConnection.connect(to: server.port) { connection in
                try await connection.post(
                    "/v1/sandboxes/\(sandbox.id)/processes", #"{"command":["sleep"]}"#, headers: "Accept: text/event-stream\r\n")
                #expect(await connection.read(until: "event: stdout").contains("id: 1\nevent: started\n"))
                #expect(await connection.read(until: ": heartbeat\n\n").contains(": heartbeat\n\n"))
            }
        }
    }

    @Test("a caller that hangs up takes its process along", arguments: ["application/json", "text/event-stream"])
    func hangUp(accept: String) async throws {
        let provider = ScriptedProvider.withPrograms()
        let api = try await TestAPI([provider])
        try await api.serve { server in
            let sandbox = try await api.gateway.engine.createSandbox(SandboxRequest(), by: .local).sandbox
            try await RawConnection.connect(to: server.port) { connection in
                try await connection.post(
                    "/v1/sandboxes/\(sandbox.id)/processes", #"{"command":["sleep"]}"#, headers: "Accept: \(accept)\r\n")
                #expect(await eventually { provider.commands.count == 1 })
                try await connection.close()
            }
            let isKilled = try await eventually {
                let processes = try await api.gateway.engine.processes(in: sandbox.id, for: .local)
                return processes.count == 1 && processes.allSatisfy { $0.exit != nil || $0.failure != nil }
            }
            #expect(isKilled)
            // The sandbox lives on.
            #expect(provider.livingCount == 1)
        }
    }

    @Test func `a detached one stays when its watcher leaves`() async throws {
        let provider = ScriptedProvider.withPrograms()
        let api = try await TestAPI([provider])
        try await api.serve { server in
            let sandbox = try await api.gateway.engine.createSandbox(SandboxRequest(), by: .local).sandbox
            let request = ProcessRequest(Command(["sleep"]), detached: true)
            let process = try await api.gateway.engine.startProcess(request, in: sandbox.id, for: .local).info
            try await RawConnection.connect(to: server.port) { connection in
                try await connection.send(
                    "GET /v1/sandboxes/\(sandbox.id)/processes/\(process.id)/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
                #expect(await connection.read(until: "asleep").contains("event: stdout"))
            }
            try await Task.sleep(for: .milliseconds(100))
            #expect(try await api.gateway.engine.process(process.id, in: sandbox.id, for: .local).exit == nil)
        }
    }
}
