import HTTPTypes
import HummingbirdTesting
import SandstormCore
import SandstormTestSupport
import SandstormWire
import Testing

@testable import NativeAPI
@testable import SandstormServer

@Suite("Processes") struct ProcessTests {
    @Test func `a command is waited for, with its outputs and its end`() async throws {
        try await TestAPI([ScriptedProvider.withPrograms()]).test { client in
            let place = try await client.sandbox()
            let response = try await client.send(.post, "\(place)/processes", #"{"command":["fail"]}"#)
            #expect(response.status == .ok)
            let json = try response.json
            #expect(json["process"]?["exitCode"]?.intValue == 3)
            #expect(json["process"]?["running"]?.boolValue == false)
            #expect(json["stdout"]?.stringValue == "out")
            #expect(json["stderr"]?.stringValue == "err")
            #expect(json["truncated"]?.boolValue == false)
            #expect(response.headers[.location] == "\(place)/processes/\(json["process"]?["id"]?.stringValue ?? "")")
            let garbage = try await client.send(.post, "\(place)/processes", #"{"command":["garbage"]}"#).json
            #expect(garbage["stdoutBase64"]?.stringValue == "/wA=")
        }
    }

    @Test func `whoever waits for JSON has said all there is to say`() async throws {
        try await TestAPI([ScriptedProvider.withPrograms()]).test { client in
            let place = try await client.sandbox()
            let json = try await client.send(.post, "\(place)/processes", #"{"command":["echo"],"stdin":"abc"}"#).json
            #expect(json["stdout"]?.stringValue == "abc")
        }
    }

    @Test func `more than a mebibyte of an output is left out, and said to be`() async throws {
        let piece = String(repeating: "x", count: 100_000)
        try await TestAPI([ScriptedProvider(script: Array(repeating: .output(piece), count: 12) + [.exit(0)])]).test { client in
            let place = try await client.sandbox()
            let json = try await client.send(.post, "\(place)/processes", #"{"command":["x"]}"#).json
            #expect(json["stdout"]?.stringValue?.utf8.count == 1024 * 1024)
            #expect(json["truncated"]?.boolValue == true)
            #expect(json["process"]?["exitCode"]?.intValue == 0)
        }
    }

    @Test func `a sandbox that dies under a process is told of as the process's end`() async throws {
        try await TestAPI([ScriptedProvider(script: [.output("on"), .die])]).test { client in
            let place = try await client.sandbox()
            let json = try await client.send(.post, "\(place)/processes", #"{"command":["x"]}"#).json
            #expect(json["stdout"]?.stringValue == "on")
            #expect(json["process"]?["error"]?["type"]?.stringValue != nil)
            #expect(json["process"]?["exitCode"] == nil)
        }
    }

    @Test func `a detached one is written to, asked, resized and ended by others`() async throws {
        let provider = ScriptedProvider.withPrograms()
        try await TestAPI([provider]).test { client in
            let place = try await client.sandbox()
            let cat = try await client.process("cat", in: place)
            #expect(try await client.send(.post, "\(cat)/stdin", "one\n").status == .noContent)
            #expect(try await client.send(.post, "\(cat)/stdin?close=true", "two\n").status == .noContent)
            let events = try ProcessTests.events(try await client.send(.get, "\(cat)/events"))
            #expect(events.map(\.sequence) == Array(1...events.count))
            #expect(ProcessTests.output(events) == "one\ntwo\n")
            #expect(events.last?.isLast == true)

            let sleep = try await client.process("sleep", in: place)
            #expect(try await client.send(.get, sleep).json["running"]?.boolValue == true)
            #expect(try await client.send(.get, "\(place)/processes").json["processes"]?.arrayValue?.count == 2)
            #expect(try await client.send(.post, "\(sleep)/signal", #"{"signal":"SIGTERM","target":"process"}"#).status == .noContent)
            let ended = try ProcessTests.events(try await client.send(.get, "\(sleep)/events"))
            #expect(ended.last?.body == .exited(ExitStatus(.signal(.terminate))))
            #expect(provider.signals == [.terminate])

            let other = try await client.process("sleep", in: place)
            let killed = try await client.send(.delete, other)
            #expect(killed.status == .ok)
            #expect(try killed.json["signal"]?.stringValue == "KILL")
        }
    }

    @Test func `a terminal is given another size`() async throws {
        try await TestAPI([ScriptedProvider.withPrograms()]).test { client in
            let place = try await client.sandbox()
            let body = #"{"command":["size"],"terminal":{"columns":100,"rows":30},"detached":true}"#
            let size = try #require(try await client.send(.post, "\(place)/processes", body).headers[.location])
            #expect(try await client.send(.post, "\(size)/resize", #"{"columns":7,"rows":5}"#).status == .noContent)
            #expect(try await eventually { try await client.send(.get, "\(size)/events?follow=false").text.contains("5x7") })
            _ = try await client.send(.delete, size)
        }
    }

    @Test(
        "bodies that can't be right",
        arguments: [
            ("", "{}", "/command"), ("", #"{"command":[]}"#, "/command"), ("", #"{"command":["x"],"cwd":"/"}"#, "/cwd"),
            ("", #"{"command":["x"],"workingDirectory":"a"}"#, "/workingDirectory"), ("signal", "{}", "/signal"),
            ("signal", #"{"signal":"NOPE"}"#, "/signal"), ("signal", #"{"signal":65}"#, "/signal"),
            ("signal", #"{"signal":9,"target":"all"}"#, "/target"), ("resize", #"{"columns":1}"#, "/rows"),
            ("resize", #"{"columns":0,"rows":1}"#, "/columns"), ("resize", #"{"columns":null,"rows":1}"#, "/columns"),
        ])
    func badBodies(route: String, body: String, pointer: String) async throws {
        try await TestAPI([ScriptedProvider.withPrograms()]).test { client async throws in
            let place = try await client.sandbox()
            let path = route.isEmpty ? "\(place)/processes" : "\(try await client.process("sleep", in: place))/\(route)"
            let response = try await client.send(.post, path, body)
            #expect(response.status == .unprocessableContent)
            #expect(try response.json["errors"]?.arrayValue?.compactMap { $0["pointer"]?.stringValue } == [pointer])
        }
    }

    @Test func `a process that is none is not found`() async throws {
        try await TestAPI().test { client async throws in
            let place = try await client.sandbox()
            for id in [ProcessID.generate().rawValue, "x", SandboxID.generate().rawValue] {
                for (method, path, body) in [
                    (HTTPRequest.Method.get, "", nil), (.delete, "", nil), (.get, "/events", nil), (.post, "/stdin", nil),
                    (.post, "/signal", #"{"signal":9}"#), (.post, "/resize", #"{"columns":1,"rows":1}"#),
                ] as [(HTTPRequest.Method, String, String?)] {
                    let response = try await client.send(method, "\(place)/processes/\(id)\(path)", body)
                    #expect(try response.problem() == "not-found", "\(method) \(path)")
                }
            }
        }
    }

    @Test func `a program that is not there is the caller's mistake`() async throws {
        let provider = ScriptedProvider()
        provider.behave { $0.missingPrograms = ["nope"] }
        try await TestAPI([provider]).test { client in
            let place = try await client.sandbox()
            let response = try await client.send(.post, "\(place)/processes", #"{"command":["nope"]}"#)
            #expect(response.status == .unprocessableContent)
            #expect(try response.problem() == "invalid-request")
        }
    }

    @Test func `a frozen sandbox starts nothing`() async throws {
        try await TestAPI().test { client in
            let place = try await client.sandbox()
            _ = try await client.send(.post, "\(place)/pause")
            let response = try await client.send(.post, "\(place)/processes", #"{"command":["x"]}"#)
            #expect(response.status == .conflict)
            #expect(try response.problem() == "conflict")
        }
    }

    static func events(_ response: TestResponse) throws -> [SandboxProcessEvent] {
        #expect(response.headers[.contentType] == "text/event-stream")
        var decoder = ServerSentEventDecoder()
        return try decoder.decode(response.body).map { event in
            let sequence = try #require(event.id.flatMap { Int($0) })
            let data = try JSONValue(parsing: event.data)
            return try #require(SandboxProcessEvent(sequence: sequence, name: event.name ?? "", data: data))
        }
    }

    static func output(_ events: [SandboxProcessEvent]) -> String {
        let bytes = events.flatMap { event -> [UInt8] in if case .stdout(let bytes) = event.body { bytes } else { [] } }
        return String(decoding: bytes, as: UTF8.self)
    }
}
