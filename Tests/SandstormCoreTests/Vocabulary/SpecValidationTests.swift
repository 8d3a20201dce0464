import SandstormCore
import Testing

@Suite("Spec validation") struct SpecValidationTests {
    static func problems(_ text: String) throws -> [FieldProblem] {
        let json = try JSONValue(parsing: text)
        do throws(InvalidRequest) {
            _ = try RunRequest(json: json)
            return []
        } catch {
            return error.problems
        }
    }

    static func pointers(_ text: String) throws -> [String] { try problems(text).map(\.pointer) }

    @Test func `the smallest spec takes the defaults`() throws {
        let request = try RunRequest(json: JSONValue(parsing: #"{"spec":{"code":"print(1)","language":"python"}}"#))
        #expect(request.spec == SandboxSpec(code: "print(1)", language: .python))
        #expect(request.constraints == Constraints())
        #expect(!request.detached)
    }

    @Test(
        "each field out of range is named",
        arguments: [
            (#""cpu":0"#, "/spec/cpu"), (#""cpu":-1"#, "/spec/cpu"), (#""cpu":64.1"#, "/spec/cpu"), (#""cpu":"2""#, "/spec/cpu"),
            (#""cpu":1e999"#, "/spec/cpu"), (#""memory":63"#, "/spec/memory"), (#""memory":524289"#, "/spec/memory"),
            (#""memory":99999999999999999999"#, "/spec/memory"), (#""memory":100.5"#, "/spec/memory"), (#""disk":0"#, "/spec/disk"),
            (#""timeout":999"#, "/spec/timeout"), (#""timeout":86400001"#, "/spec/timeout"),
            (#""timeout":9223372036854775807"#, "/spec/timeout"), (#""environment":{"1A":"x"}"#, "/spec/environment/1A"),
            (#""environment":{"A=B":"x"}"#, "/spec/environment/A=B"), (#""environment":{"":"x"}"#, "/spec/environment/"),
            (#""environment":{"A":1}"#, "/spec/environment/A"), (#""environment":{"A":"\u0000"}"#, "/spec/environment/A"),
            (#""files":{"/etc/passwd":"x"}"#, "/spec/files/0/path"), (#""files":{"a/../../b":"x"}"#, "/spec/files/0/path"),
            (#""files":[{"path":"a\u0000b","content":""}]"#, "/spec/files/0/path"), (#""files":[{"content":""}]"#, "/spec/files/0/path"),
            (#""files":{"a/":"x"}"#, "/spec/files/0/path"), (#""files":{"":"x"}"#, "/spec/files/0/path"),
            (#""files":[{"path":"a","content":"x","contentBase64":"eA=="}]"#, "/spec/files/0/contentBase64"),
            (#""files":[{"path":"a","contentBase64":"?"}]"#, "/spec/files/0/contentBase64"),
            (#""files":[{"path":"a","mode":"9"}]"#, "/spec/files/0/mode"), (#""files":{"a":"1","./a":"2"}"#, "/spec/files/1/path"),
            (#""requirements":["--index-url=x"],"network":"open""#, "/spec/requirements/0"),
            (#""requirements":["a b"],"network":"open""#, "/spec/requirements/0"), (#""requirements":["requests"]"#, "/spec/requirements"),
            (#""requirements":"requests""#, "/spec/requirements"), (#""gpu":{"type":"L4","count":0}"#, "/spec/gpu/count"),
            (#""gpu":{}"#, "/spec/gpu/type"), (#""network":"lan""#, "/spec/network"), (#""isolation":"total""#, "/spec/isolation"),
            (#""image":"""#, "/spec/image"), (#""image":"a b""#, "/spec/image"),
            (#""stdin":"a","stdinBase64":"eA==""#, "/spec/stdinBase64"),
            (#""command":["ls"]"#, "/spec/command"), (#""cpus":2"#, "/spec/cpus"),
            (#""providerOptions":{"e2b":1}"#, "/spec/providerOptions"),
        ])
    func names(field: String, pointer: String) throws {
        let problems = try Self.problems(#"{"spec":{"code":"1","language":"python",\#(field)}}"#)
        #expect(problems.map(\.pointer) == [pointer])
        #expect(problems.allSatisfy { !$0.detail.isEmpty && !$0.remedy.isEmpty })
    }

    @Test func `an unknown language is named with the known ones`() throws {
        let problem = try #require(try Self.problems(#"{"spec":{"code":"1","language":"pyhton"}}"#).first)
        #expect(problem.pointer == "/spec/language")
        #expect(problem.remedy.contains("python"))
    }

    @Test func `an unknown field is answered with the nearest known one`() throws {
        let problem = try #require(try Self.problems(#"{"spec":{"code":"1","language":"python","timout":5000}}"#).first)
        #expect(problem == FieldProblem(pointer: "/spec/timout", detail: "is not a known field", remedy: "did you mean \"timeout\"?"))
    }

    @Test func `all problems come at once`() throws {
        let pointers = try Self.pointers(
            #"{"spec":{"code":"1","command":["ls"],"cpu":0,"memory":1,"files":{"../x":""}},"constraints":{"maxCost":"much","objectiv":"x"},"detach":true}"#
        )
        #expect(
            Set(pointers) == [
                "/detach", "/spec/command", "/spec/cpu", "/spec/memory", "/spec/files/0/path", "/constraints/maxCost",
                "/constraints/objectiv",
            ])
    }

    @Test(
        "a body of another shape is refused",
        arguments: ["[]", "1", "\"x\"", "null", "{}", #"{"spec":[]}"#, #"{"spec":{}}"#, #"{"spec":null}"#])
    func shape(text: String) throws { #expect(!(try Self.problems(text).isEmpty)) }

    @Test("an amount is taken as text or number, exactly", arguments: [#""0.10""#, "0.10", #""$0.10""#])
    func maxCost(literal: String) throws {
        let json = try JSONValue(parsing: #"{"spec":{"code":"1","language":"python"},"constraints":{"maxCost":\#(literal)}}"#)
        #expect(try RunRequest(json: json).constraints.maxCost == "$0.10")
    }

    @Test func `a command line goes to the shell`() throws {
        let spec = try SandboxSpec(json: JSONValue(parsing: #"{"command":"ls -l | wc"}"#))
        #expect(spec.command == ["/bin/sh", "-c", "ls -l | wc"])
    }

    @Test func `a request survives the journal`() throws {
        var spec = SandboxSpec(code: "print('é')", language: .python)
        spec.requirements = ["requests==2.32"]
        spec.arguments = ["a b", ""]
        spec.environment = ["A": "1", "B": "é"]
        spec.files = [SpecFile(path: "data/x.bin", content: [0xFF, 0x00], mode: 0o755), SpecFile(path: "t", content: Array("x".utf8))]
        spec.stdin = [0xFE]
        spec.cpu = 0.5
        spec.memory = 2048
        spec.disk = 5
        spec.gpu = GPURequest(type: "L4", count: 2)
        spec.timeout = .milliseconds(1500)
        spec.network = .allow(["pypi.org", "*.example.com"])
        spec.region = "eu"
        spec.isolation = .strong
        spec.image = "debian:12"
        spec.rootAccess = true
        spec.metadata = ["team": "x"]
        spec.idempotent = true
        spec.providerOptions = ["e2b": ["raw": 1]]
        let constraints = Constraints(
            maxCost: "$0.10", maxLatency: .milliseconds(1500), preferredRegion: "eu", preferredProviders: ["a", "b"],
            excludeProviders: ["c"],
            objective: .fastest)
        let request = RunRequest(spec: spec, constraints: constraints, detached: true)
        #expect(try RunRequest(json: JSONValue(parsing: request.json.encodedBytes)) == request)
    }
}
