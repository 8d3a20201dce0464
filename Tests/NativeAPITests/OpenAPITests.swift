import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import SandstormCore
import SandstormTestSupport
import Testing

@testable import NativeAPI
@testable import SandstormServer

@Suite("The description of the API") struct OpenAPITests {
    private static let document = OpenAPIDocument.json
    /// `scripts/setup.sh test` makes it.
    private static let python = FileManager.default.currentDirectoryPath + "/.build/venv/bin/python"

    @Test func `it is there without a key, in one piece`() async throws {
        let (api, _, _) = try await TestAPI.withKeys()
        try await api.test { client in
            let response = try await client.send(.get, "/openapi.json")
            #expect(response.status == .ok)
            #expect(response.headers[.contentType] == "application/json")
            #expect(try response.json == OpenAPITests.document)
        }
    }

    @Test func `every route is in it, and nothing else is`() async throws {
        let gateway = try await TestGateway([ScriptedProvider()])
        let server = GatewayServer(.init(address: .hostname("127.0.0.1", port: 0)))
        let router = NativeAPI.router(engine: gateway.engine, auth: .none, server: server)
        let spoken = Set(["get", "put", "post", "delete", "options", "patch", "trace"])
        // OpenAPI has no words for the other methods that a port takes; `HEAD` goes wherever `GET` goes.
        let routes = router.routes.map { (path: "\($0.path)".replacing("**", with: "{path}"), method: $0.method.rawValue.lowercased()) }
        let built = Set(routes.filter { spoken.contains($0.method) }.map { "\($0.method) \($0.path)" })
        var described: Set<String> = []
        for path in OpenAPITests.document["paths"]?.objectValue?.members ?? [] {
            for method in path.value.objectValue?.members ?? [] { described.insert("\(method.key) \(path.key)") }
        }
        #expect(built == described)
        #expect(described.count > 50)
        await gateway.stop()
    }

    @Test func `operations have names of their own, and parameters for everything in their path`() throws {
        #expect(Set(OpenAPIDocument.operations.map(\.id)).count == OpenAPIDocument.operations.count)
        for operation in OpenAPIDocument.operations {
            let names = (operation.json["parameters"]?.arrayValue ?? []).filter { $0["in"]?.stringValue == "path" }
            let inPath = operation.endpoint.template.split(separator: "/").filter { $0.hasPrefix("{") }
            #expect(names.compactMap { $0["name"]?.stringValue } == inPath.map { String($0.dropFirst().dropLast()) })
        }
    }

    @Test func `what is referred to is there, and what is there is referred to`() throws {
        var referred: Set<String> = []
        func walk(_ value: JSONValue) {
            if let name = value["$ref"]?.stringValue { referred.insert(name) }
            for member in value.objectValue?.members ?? [] { walk(member.value) }
            for element in value.arrayValue ?? [] { walk(element) }
        }
        walk(OpenAPITests.document)
        let schemas = OpenAPIDocument.schemas.map { "#/components/schemas/\($0.key)" }
        #expect(Set(schemas).count == schemas.count)
        #expect(referred == Set(schemas + ["#/components/headers/RequestId"]))
    }

    @Test func `every problem that a client can see is told of`() {
        let told = Set(OpenAPIDocument.operations.flatMap(\.allProblems))
        // Nobody sees the first; the others are answers where there is no operation.
        let elsewhere: Set<Problem.Kind> = [.clientGone, .unknownRoute, .methodNotAllowed]
        #expect(told.union(elsewhere) == Set(Problem.Kind.allCases))
    }

    @Test(
        "a validator of others takes it for OpenAPI",
        .enabled(if: FileManager.default.isExecutableFile(atPath: python), "scripts/setup.sh test makes .build/venv"))
    func validator() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/openapi.json"
        try Data(OpenAPITests.document.encodedBytes).write(to: URL(fileURLWithPath: path))
        let program = try ChildProgram(OpenAPITests.python, ["-m", "openapi_spec_validator", path], environment: ["PATH": "/usr/bin:/bin"])
        #expect(await program.wait() == 0, "\(String(decoding: program.output + program.errors, as: UTF8.self))")
    }
}
