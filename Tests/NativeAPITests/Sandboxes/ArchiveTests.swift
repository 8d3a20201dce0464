import HTTPTypes
import HummingbirdTesting
import NIOCore
import SandstormCore
import SandstormTestSupport
import Testing

@testable import NativeAPI
@testable import SandstormServer

@Suite("Archives of files") struct ArchiveTests {
    @Test func `a directory is packed in one place and unpacked in another`() async throws {
        try await TestAPI().test { client in
            let files = "\(try await client.sandbox())/files"
            _ = try await client.send(.put, "\(files)?path=src/a/b", "deep")
            _ = try await client.send(.put, "\(files)?path=src/c", String(repeating: "c", count: 200_000))
            let archive = try await client.send(.get, "\(files)/archive?path=src")
            #expect(archive.status == .ok)
            #expect(archive.headers[.contentType] == "application/x-tar")
            #expect(archive.headers[.contentDisposition] == "attachment; filename=\"src.tar\"")
            #expect(archive.body.readableBytes > 200_000)
            let unpacked = try await client.execute(uri: "\(files)/archive?path=copy", method: .put, body: archive.body)
            #expect(unpacked.status == .noContent)
            #expect(try await client.send(.get, "\(files)?path=copy/a/b").text == "deep")
            #expect(try await client.send(.get, "\(files)?path=copy/c").text.count == 200_000)
            let head = try await client.send(.head, "\(files)/archive?path=src")
            #expect(head.status == .ok && head.body.readableBytes == 0)
        }
    }

    @Test func `what is no archive is refused`() async throws {
        try await TestAPI().test { client in
            let files = "\(try await client.sandbox())/files"
            let response = try await client.send(.put, "\(files)/archive?path=x", String(repeating: "no tar", count: 1000))
            #expect(response.status == .unprocessableContent)
            #expect(try response.problem() == "invalid-request")
            #expect(try await client.send(.get, "\(files)/archive?path=nothing").problem() == "file-not-found")
        }
    }
}
