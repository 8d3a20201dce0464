import HTTPTypes
import HummingbirdTesting
import NIOCore
import NativeAPI
import SandstormCore
import SandstormServer
import SandstormTestSupport
import Testing

@Suite("Bodies that can't be right") struct MalformedBodyTests {
    /// Bodies, with the status that each gets.
    static let texts: [(String, HTTPResponse.Status)] = [
        // Not JSON.
        ("", .badRequest), (" ", .badRequest), ("\n\t\r ", .badRequest), ("{", .badRequest), ("}", .badRequest), ("[", .badRequest),
        ("{]", .badRequest), ("[}", .badRequest), ("nul", .badRequest), ("NULL", .badRequest), ("True", .badRequest), ("NaN", .badRequest),
        ("Infinity", .badRequest), ("-", .badRequest), ("+1", .badRequest), ("01", .badRequest), ("1.", .badRequest), (".5", .badRequest),
        ("1e", .badRequest), ("0x10", .badRequest), ("\"", .badRequest), ("\"\\", .badRequest), ("\"\\x\"", .badRequest),
        ("\"\\u12\"", .badRequest), ("\"\\ud800\"", .badRequest), ("\"\\udc00\\ud800\"", .badRequest), ("\"a\nb\"", .badRequest),
        ("'a'", .badRequest), ("{a:1}", .badRequest), ("{\"a\"}", .badRequest), ("{\"a\":}", .badRequest), ("{\"a\":1,}", .badRequest),
        ("{,}", .badRequest), ("[1,]", .badRequest), ("[,1]", .badRequest), ("{} {}", .badRequest), ("{}x", .badRequest),
        ("/**/{}", .badRequest),
        ("{}\0", .badRequest), ("\u{FEFF}{}", .badRequest), ("{\"spec\":{},\"spec\":{}}", .badRequest),
        ("{\"spec\":{\"code\":\"1\",\"code\":\"2\"}}", .badRequest), ("spec=1&code=2", .badRequest), ("<spec/>", .badRequest),
        ("--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--", .badRequest), ("spec:\n  code: 1", .badRequest),
        (String(repeating: "[", count: 100_000), .badRequest), (String(repeating: "{\"a\":", count: 100_000), .badRequest),
        (String(repeating: "[", count: 65) + String(repeating: "]", count: 65), .badRequest),
        // JSON, but no request.
        ("null", .unprocessableContent), ("true", .unprocessableContent), ("1", .unprocessableContent), ("\"run\"", .unprocessableContent),
        ("[]", .unprocessableContent), ("{}", .unprocessableContent), ("[{\"spec\":{}}]", .unprocessableContent),
        ("{\"spec\":null}", .unprocessableContent), ("{\"spec\":1}", .unprocessableContent), ("{\"spec\":[]}", .unprocessableContent),
        ("{\"spec\":{}}", .unprocessableContent), ("{\"spec\":{\"code\":\"1\"}}", .unprocessableContent),
        ("{\"spec\":{\"language\":\"shell\"}}", .unprocessableContent),
        ("{\"spec\":{\"code\":\"1\",\"language\":\"cobol\"}}", .unprocessableContent),
        ("{\"spec\":{\"code\":\"1\",\"language\":1}}", .unprocessableContent), ("{\"Spec\":{\"code\":\"1\"}}", .unprocessableContent),
        ("{\"spec\":{\"code\":\"1\",\"language\":\"shell\"},\"extra\":1}", .unprocessableContent),
        ("{\"spec\":{\"code\":\"1\",\"language\":\"shell\"},\"detached\":\"yes\"}", .unprocessableContent),
        ("{\"spec\":{\"code\":\"1\",\"language\":\"shell\"},\"constraints\":[]}", .unprocessableContent),
    ]

    /// Values of fields of an otherwise good spec; none is right.
    static let fields: [String] = [
        #""cpu":0"#, #""cpu":-1"#, #""cpu":1e309"#, #""cpu":"2""#, #""cpu":1e308"#, #""memory":0"#, #""memory":1.5"#,
        #""memory":99999999999999999999999999"#, #""memory":-9223372036854775808"#, #""memory":9223372036854775807"#, #""disk":0"#,
        #""disk":1e400"#, #""timeout":0"#, #""timeout":-1"#, #""timeout":9223372036854775807"#, #""timeout":1e18"#, #""timeout":"5s""#,
        #""command":[]"#, #""command":["a"]"#, #""command":[1]"#, #""arguments":[null]"#, #""arguments":["\u0000"]"#, #""arguments":"a""#,
        #""environment":[]"#, #""environment":{"A B":"1"}"#, #""environment":{"A":1}"#, #""environment":{"":"1"}"#,
        #""environment":{"A":"\u0000"}"#, #""files":1"#, #""files":[1]"#, #""files":[{}]"#, #""files":{"/etc/passwd":"x"}"#,
        #""files":{"../x":"x"}"#, #""files":{"":"x"}"#, #""files":[{"path":"a","content":"1","contentBase64":"MQ=="}]"#,
        #""files":[{"path":"a","contentBase64":"%%%"}]"#, #""files":[{"path":"a"},{"path":"./a"}]"#,
        #""files":[{"path":"a","mode":"999"}]"#,
        #""stdin":1"#, #""stdin":"a","stdinBase64":"YQ==""#, #""gpu":{}"#, #""gpu":{"type":"","count":0}"#, #""gpu":7"#,
        #""network":"some""#,
        #""network":{"allow":1}"#, #""isolation":"perfect""#, #""region":"a b""#, #""region":"""#, #""image":"\n""#, #""metadata":{"a":1}"#,
        #""requirements":["--index-url=x"]"#, #""requirements":"x""#, #""secrets":["no such"]"#, #""secrets":["TOKEN"]"#,
        #""idempotent":1"#,
        #""providerOptions":{"local":1}"#, #""providerOptions":[]"#, #""Timeout":1"#, #""code ":"x""#, #""a/b~c":1"#,
    ]

    @Test func `each gets a problem document, and nothing is run`() async throws {
        let provider = ScriptedProvider()
        try await TestAPI([provider]).test { client in
            for path in ["/v1/runs", "/v1/decisions"] {
                for (text, status) in MalformedBodyTests.texts {
                    let response = try await client.send(.post, path, text)
                    #expect(response.status == status, "\(text.prefix(80))")
                    let problem = try response.problem()
                    #expect(problem == (status == .badRequest ? "malformed-json" : "invalid-request"), "\(text.prefix(80))")
                    if status == .badRequest { #expect(try response.json["offset"]?.intValue != nil, "\(text.prefix(80))") }
                }
            }
        }
        #expect(provider.createCount == 0)
    }

    @Test func `each wrong field is pointed at`() async throws {
        let provider = ScriptedProvider()
        try await TestAPI([provider]).test { client in
            for field in MalformedBodyTests.fields {
                let response = try await client.send(.post, "/v1/runs", #"{"spec":{"code":"1","language":"shell",\#(field)}}"#)
                #expect(response.status == .unprocessableContent, "\(field)")
                #expect(try response.problem() == "invalid-request", "\(field)")
                let errors = try response.json["errors"]?.arrayValue ?? []
                #expect(!errors.isEmpty && errors.allSatisfy { $0["pointer"]?.stringValue?.hasPrefix("/spec/") == true }, "\(field)")
            }
        }
        #expect(provider.createCount == 0)
    }

    @Test(
        "bytes that are not UTF-8",
        arguments: [
            [0xFF], [0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22],
            [0x00],
            [0x22, 0xE2, 0x82, 0x22], [0xFE, 0xFF, 0x00, 0x7B], [0x7B, 0x00, 0x7D, 0x00],
        ] as [[UInt8]])
    func notUTF8(bytes: [UInt8]) async throws {
        try await TestAPI().test { client in
            let response = try await client.execute(uri: "/v1/runs", method: .post, body: ByteBuffer(bytes: bytes))
            #expect(response.status == .badRequest)
            #expect(try response.problem() == "malformed-json")
        }
    }

    @Test func `noise is refused, never fatal`() async throws {
        let seed = UInt64.random(in: .min ... .max)
        try await TestAPI().test { client in
            var state = seed
            func next(_ bound: Int) -> Int {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Int(state >> 33) % bound
            }
            for _ in 0..<300 {
                var bytes = Array(
                    #"{"spec":{"code":"echo","language":"shell","memory":64,"files":{"a":"b"}},"constraints":{"maxCost":"1"}}"#.utf8)
                for _ in 0...next(3) { bytes[next(bytes.count)] = UInt8(next(256)) }
                let response = try await client.execute(uri: "/v1/decisions", method: .post, body: ByteBuffer(bytes: bytes))
                #expect(
                    [.ok, .badRequest, .unprocessableContent].contains(response.status),
                    "seed \(seed): \(String(decoding: bytes, as: UTF8.self))")
            }
        }
    }

    @Test func `too many members are refused before they cost anything`() async throws {
        try await TestAPI().test { client in
            let members = (0...10_000).map { "\"k\($0)\":1" }.joined(separator: ",")
            let response = try await client.send(.post, "/v1/runs", "{\"spec\":{\"environment\":{\(members)}}}")
            #expect(response.status == .unprocessableContent)
            #expect(try response.json["errors"]?.arrayValue?.first?["pointer"]?.stringValue == "/spec/environment")
        }
    }

    @Test func `an answer tells of a hundred problems at most`() async throws {
        try await TestAPI().test { client in
            let members = (0..<500).map { "\"k\($0)\":1" }.joined(separator: ",")
            let response = try await client.send(.post, "/v1/runs", "{\(members)}")
            #expect(try response.json["errors"]?.arrayValue?.count == 100)
        }
    }

    @Test func `a body beyond the limit is refused, announced or not`() async throws {
        var api = try await TestAPI()
        api.configuration.maximumBodyBytes = 1000
        let configured = api
        try await configured.serve { server in
            try await RawConnection.connect(to: server.port) { connection in
                try await connection.send("POST /v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000\r\n\r\n")
                let answer = await connection.read(until: "retryable")
                #expect(answer.hasPrefix("HTTP/1.1 413 "))
                #expect(answer.contains("urn:sandstorm:problem:body-too-large"))
            }
            try await RawConnection.connect(to: server.port) { connection in
                let chunk = "3e8\r\n\(String(repeating: "x", count: 1000))\r\n"
                try await connection.send(
                    "POST /v1/runs HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n\(chunk)\(chunk)0\r\n\r\n")
                #expect(await connection.read(until: "retryable").hasPrefix("HTTP/1.1 413 "))
            }
        }
    }

    @Test func `a compressed body is not understood`() async throws {
        try await TestAPI().test { client in
            let response = try await client.send(.post, "/v1/runs", minimalRun, headers: [.contentEncoding: "gzip"])
            #expect(response.status == .unsupportedMediaType)
            #expect(try response.problem() == "unsupported-encoding")
        }
    }
}
