import HTTPTypes
import HummingbirdTesting
import SandstormCore
import SandstormTestSupport
import Testing

@testable import NativeAPI
@testable import SandstormServer

@Suite("Files of sandboxes") struct FileTests {
    @Test func `a file is written, read, listed, moved, changed and removed`() async throws {
        try await TestAPI().test { client in
            let files = "\(try await client.sandbox())/files"
            let made = try await client.send(.put, "\(files)?path=a/b.txt&mode=0600", "one")
            #expect(made.status == .created)
            let info = try #require(FileInfo(json: try made.json))
            #expect(info.path == "/workspace/a/b.txt" && info.size == 3 && info.mode == 0o600)
            #expect(try await client.send(.put, "\(files)?path=/workspace/a/b.txt", "other").status == .ok)
            #expect(try await client.send(.get, "\(files)?path=a/b.txt").text == "other")

            let list = try await client.send(.get, "\(files)/list?path=/workspace&depth=2").json["entries"]?.arrayValue
            #expect(list?.compactMap { $0["path"]?.stringValue } == ["/workspace/a", "/workspace/a/b.txt"])
            let moved = try await client.send(.post, "\(files)/move", #"{"from":"a/b.txt","to":"c.txt"}"#)
            #expect(try moved.json["path"]?.stringValue == "/workspace/c.txt")
            let changed = try await client.send(
                .patch, "\(files)/info?path=c.txt", #"{"mode":"0755","owner":"root","modifiedAt":"2020-02-02T02:02:02.500Z"}"#)
            #expect(try changed.json["mode"]?.stringValue == "0755")
            #expect(try changed.json["owner"]?.stringValue == "root")
            #expect(try changed.json["modifiedAt"]?.stringValue == "2020-02-02T02:02:02.500Z")
            #expect(try await client.send(.delete, "\(files)?path=c.txt").status == .noContent)
            let gone = try await client.send(.get, "\(files)/info?path=c.txt")
            #expect(gone.status == .notFound)
            #expect(try gone.problem() == "file-not-found")
        }
    }

    @Test func `a directory is made once, and removed only as a whole`() async throws {
        try await TestAPI().test { client in
            let files = "\(try await client.sandbox())/files"
            #expect(try await client.send(.post, "\(files)/directories?path=d&mode=0700").status == .created)
            #expect(try await client.send(.post, "\(files)/directories?path=d").status == .ok)
            _ = try await client.send(.put, "\(files)?path=d/x", "x")
            let refused = try await client.send(.delete, "\(files)?path=d")
            #expect(refused.status == .conflict)
            #expect(try refused.problem() == "conflict")
            #expect(try await client.send(.delete, "\(files)?path=d&recursive=true").status == .noContent)
            #expect(try await client.send(.put, "\(files)?path=", "x").status == .badRequest)
        }
    }

    @Test func `a move replaces nothing unasked`() async throws {
        try await TestAPI().test { client in
            let files = "\(try await client.sandbox())/files"
            for name in ["a", "b"] { _ = try await client.send(.put, "\(files)?path=\(name)", name) }
            #expect(try await client.send(.post, "\(files)/move", #"{"from":"a","to":"b"}"#).problem() == "conflict")
            #expect(try await client.send(.post, "\(files)/move", #"{"from":"a","to":"b","replace":true}"#).status == .ok)
            #expect(try await client.send(.get, "\(files)?path=b").text == "a")
            #expect(try await client.send(.post, "\(files)/move", #"{"from":"a","to":"c"}"#).problem() == "file-not-found")
        }
    }

    @Test func `a path is what it was encoded from`() async throws {
        try await TestAPI().test { client in
            let files = "\(try await client.sandbox())/files"
            for (encoded, path) in [
                ("a%20b", "a b"), ("c+d", "c d"), ("e%2Bf", "e+f"), ("%C3%A4%0A%22", "\u{E4}\n\""), ("%2e%2e/x", "../x"),
            ] {
                let info = try await client.send(.put, "\(files)?path=\(encoded)", "x").json
                let expected = path == "../x" ? "/x" : "/workspace/\(path)"
                #expect(info["path"]?.stringValue == expected)
            }
        }
    }

    @Test func `a browser that saves a file can't be led by its name`() async throws {
        try await TestAPI().test { client in
            let files = "\(try await client.sandbox())/files"
            _ = try await client.send(.put, "\(files)?path=%22%3B%0D%0AX:%20y%C3%A4.html", "<script>")
            let response = try await client.send(.get, "\(files)?path=%22%3B%0D%0AX:%20y%C3%A4.html")
            #expect(response.headers[.contentType] == "application/octet-stream")
            #expect(response.headers[.xContentTypeOptions] == "nosniff")
            #expect(
                response.headers[.contentDisposition]
                    == "attachment; filename=\"_;__X: y_.html\"; filename*=UTF-8''%22%3B%0D%0AX%3A%20y%C3%A4.html")
        }
    }

    @Test(
        "query parameters that are wrong",
        arguments: [
            "", "path", "path=%00", "path=%ff", "path=%", "path=%4", "path=a&path=b", "paht=a", "path=a&mode=8", "path=a&mode=17777",
            "path=a&mode=", "path=a&recursive=true",
        ])
    func badQuery(query: String) async throws {
        try await TestAPI().test { client async throws in
            let response = try await client.send(.put, "\(try await client.sandbox())/files?\(query)", "x")
            #expect(try response.problem() == "invalid-parameter")
        }
    }

    @Test(
        "bodies that can't be right",
        arguments: [
            ("move", #"{"from":"a"}"#, "/to"), ("move", #"{"from":"","to":"b"}"#, "/from"),
            ("move", "{\"from\":\"a\\u0000\",\"to\":\"b\"}", "/from"), ("move", #"{"from":"a","to":"b","force":true}"#, "/force"),
            ("info", #"{"mode":493}"#, "/mode"), ("info", #"{"mode":"0999"}"#, "/mode"), ("info", #"{"modifiedAt":"now"}"#, "/modifiedAt"),
            ("info", #"{"owner":""}"#, "/owner"), ("info", #"{"size":1}"#, "/size"),
        ])
    func badBodies(route: String, body: String, pointer: String) async throws {
        try await TestAPI().test { client async throws in
            let files = "\(try await client.sandbox())/files"
            _ = try await client.send(.put, "\(files)?path=a", "x")
            let response =
                try await route == "move" ? client.send(.post, "\(files)/move", body) : client.send(.patch, "\(files)/info?path=a", body)
            #expect(response.status == .unprocessableContent)
            #expect(try response.json["errors"]?.arrayValue?.compactMap { $0["pointer"]?.stringValue } == [pointer])
        }
    }

    @Test(
        "what a sandbox says of a file has a kind of its own",
        arguments: [
            (ProviderError.FileProblem.notPermitted, 403, "file-forbidden"), (.noSpace, 507, "disk-full"),
            (.notFound, 404, "file-not-found"),
            (.exists, 409, "conflict"), (.tooLarge, 422, "invalid-request"),
        ])
    func problems(problem: ProviderError.FileProblem, status: Int, name: String) async throws {
        let provider = ScriptedProvider()
        try await TestAPI([provider]).test { client in
            let files = "\(try await client.sandbox())/files"
            provider.behave { $0.failures[.files] = [ProviderError(.invalid, "so it is", fileProblem: problem)] }
            let response = try await client.send(.get, "\(files)/list?path=x")
            #expect(response.status.code == status)
            #expect(try response.problem() == name)
        }
    }
}
