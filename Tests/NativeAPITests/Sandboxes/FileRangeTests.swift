import Foundation
import HTTPTypes
import HummingbirdTesting
import NIOCore
import SandstormCore
import SandstormTestSupport
import Testing

@testable import NativeAPI
@testable import SandstormServer

@Suite("Parts of files") struct FileRangeTests {
    private static let content = "0123456789"

    private func withFile(_ body: @escaping @Sendable (any TestClientProtocol, String) async throws -> Void) async throws {
        try await TestAPI().test { client in
            let path = "\(try await client.sandbox())/files?path=digits"
            _ = try await client.send(.put, path, FileRangeTests.content)
            try await body(client, path)
        }
    }

    @Test(
        "one range is answered alone",
        arguments: [
            ("bytes=0-0", "0", "0-0"), ("bytes=2-5", "2345", "2-5"), ("bytes=7-", "789", "7-9"), ("bytes=-3", "789", "7-9"),
            ("bytes=-99", "0123456789", "0-9"), ("bytes=8-99", "89", "8-9"), ("BYTES=1-1", "1", "1-1"),
            ("bytes=5-99999999999999999999", "56789", "5-9"), ("bytes=0-9223372036854775807", "0123456789", "0-9"),
        ])
    func part(range: String, text: String, part: String) async throws {
        try await withFile { client, path in
            let response = try await client.send(.get, path, headers: [.range: range])
            #expect(response.status == .partialContent)
            #expect(response.text == text)
            #expect(response.headers[.contentRange] == "bytes \(part)/10")
            #expect(response.headers[.contentLength] == "\(text.utf8.count)")
        }
    }

    @Test(
        "what is no single range is answered with the whole file",
        arguments: ["bytes=0-1,3-4", "bytes=5-2", "bytes=-", "bytes=a-b", "lines=1-2", "bytes 0-1", "bytes=1-2-3", "bytes=+1-2"])
    func whole(range: String) async throws {
        try await withFile { client, path in
            let response = try await client.send(.get, path, headers: [.range: range])
            #expect(response.status == .ok)
            #expect(response.text == FileRangeTests.content)
        }
    }

    @Test(
        "a range that the file has nothing of is refused",
        arguments: ["bytes=10-", "bytes=10-20", "bytes=-0", "bytes=99999999999999999999-"])
    func none(range: String) async throws {
        try await withFile { client, path in
            let response = try await client.send(.get, path, headers: [.range: range])
            #expect(response.status == .rangeNotSatisfiable)
            #expect(response.headers[.contentRange] == "bytes */10")
            #expect(try response.problem() == "range-not-satisfiable")
        }
    }

    @Test func `a version that the client has is not sent again, until it changes`() async throws {
        try await withFile { client, path in
            let first = try await client.send(.get, path)
            let tag = try #require(first.headers[.eTag])
            let date = try #require(first.headers[.lastModified])
            for headers: HTTPFields in [
                [.ifNoneMatch: tag], [.ifNoneMatch: "\"x\", W/\(tag)"], [.ifNoneMatch: "*"], [.ifModifiedSince: date],
            ] {
                for method in [HTTPRequest.Method.get, .head] {
                    let again = try await client.send(method, path, headers: headers)
                    #expect(again.status == .notModified)
                    #expect(again.body.readableBytes == 0)
                    #expect(again.headers[.eTag] == tag)
                }
            }
            // What `If-None-Match` says counts for more than the date.
            #expect(try await client.send(.get, path, headers: [.ifNoneMatch: "\"x\"", .ifModifiedSince: date]).status == .ok)
            for condition in [tag, date] {
                #expect(try await client.send(.get, path, headers: [.range: "bytes=0-0", .ifRange: condition]).status == .partialContent)
            }
            _ = try await client.send(.put, path, "other content")
            #expect(try await client.send(.get, path, headers: [.ifNoneMatch: tag]).text == "other content")
            #expect(try await client.send(.get, path, headers: [.range: "bytes=0-0", .ifRange: tag]).text == "other content")
        }
    }

    @Test func `HEAD tells of the file without its bytes`() async throws {
        try await withFile { client, path in
            let head = try await client.send(.head, path, headers: [.range: "bytes=0-1"])
            let get = try await client.send(.get, path)
            #expect(head.status == .ok)
            #expect(head.body.readableBytes == 0)
            for name in [HTTPField.Name.contentLength, .contentType, .eTag, .lastModified, .acceptRanges, .contentDisposition] {
                #expect(head.headers[name] == get.headers[name])
            }
            #expect(get.headers[.contentLength] == "10")
            let directory = path.replacing("digits", with: "/workspace")
            #expect(try await client.send(.head, directory).status == .conflict)
            #expect(try await client.send(.get, directory).status == .conflict)
        }
    }
}

@Suite("Instants in HTTP") struct HTTPDateTests {
    @Test(
        "the calendar is Gregorian",
        arguments: [
            (784_111_777.9, "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (-1, "Wed, 31 Dec 1969 23:59:59 GMT"), (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"), (-62_167_219_200, "Sat, 01 Jan 0000 00:00:00 GMT"),
            (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"), (253_402_300_800, nil), (-62_167_219_201, nil),
        ] as [(Double, String?)])
    func text(seconds: Double, text: String?) { #expect(HTTPDate.text(.init(timeIntervalSince1970: seconds)) == text) }

    @Test(
        "instants are read to the letter",
        arguments: [
            ("1994-11-06T08:49:37Z", 784_111_777), ("1994-11-06t08:49:37.500z", 784_111_777.5), ("1994-11-06T10:50:37+02:01", 784_111_777),
            ("1994-11-05T22:49:37-10:00", 784_111_777), ("2000-02-29T00:00:00Z", 951_782_400), ("1969-12-31T23:59:59Z", -1),
            ("2016-12-31T23:59:60Z", 1_483_228_800), ("0000-01-01T00:00:00Z", -62_167_219_200), ("2024-01-01T12:99:00Z", nil),
            ("2023-02-29T00:00:00Z", nil), ("2024-13-01T00:00:00Z", nil), ("2024-01-01T24:00:00Z", nil), ("2024-01-01T00:00:00", nil),
            ("2024-01-01 00:00:00Z", nil), ("2024-01-01T00:00:00.Z", nil), ("2024-01-01T00:00:00+1:00", nil), ("2024-1-1T00:00:00Z", nil),
            ("2024-01-01T00:00:00Zx", nil), ("", nil), ("now", nil),
        ] as [(String, Double?)])
    func date(text: String, seconds: Double?) { #expect(Instant.date(text)?.timeIntervalSince1970 == seconds) }
}
