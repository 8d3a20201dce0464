import HTTPTypes
import NIOHTTP1
import SandstormCore
import Testing

@testable import NativeAPI
@testable import SandstormServer

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite("What goes through to a port and back") struct PortHeadersTests {
    private static let prefix = "/v1/sandboxes/sbx_x/ports/80"

    private func forwarded(_ fields: [(String, String)], headers: [String: String] = [:]) throws -> HTTPHeaders {
        var head = HTTPRequest(method: .get, scheme: "http", authority: "gateway:8080", path: "/")
        for (name, value) in fields { head.headerFields.append(HTTPField(name: try #require(HTTPField.Name(name)), value: value)) }
        let url = try #require(URL(string: "http://sandbox.example"))
        return PortHeaders.request(
            head, to: SandboxEndpoint(url: url, headers: headers), host: "sandbox.example", prefix: PortHeadersTests.prefix,
            client: "192.0.2.1")
    }

    @Test(
        "the gateway's own secrets stay here",
        arguments: [
            ("Authorization", "Bearer sandstorm_abc", nil), ("authorization", "bearer  sandstorm_abc", nil),
            ("X-API-Key", "sandstorm_abc", nil),
            ("Authorization", "Bearer other", "Bearer other"), ("Authorization", "Basic c2FuZHN0b3Jt", "Basic c2FuZHN0b3Jt"),
            ("X-API-Key", "other", "other"), ("Cookie", "a=1; sandstorm_session=2; b=3", "a=1; b=3"), ("Cookie", "Sandstorm=1", nil),
            ("Cookie", "a=1", "a=1"),
        ] as [(String, String, String?)])
    func secrets(name: String, value: String, expected: String?) throws {
        #expect(try forwarded([(name, value)]).first(name: name) == expected)
    }

    @Test func `fields about the connection stay here, those that it names included`() throws {
        let headers = try forwarded([
            ("Connection", "close, X-Hop"), ("X-Hop", "1"), ("Keep-Alive", "1"), ("TE", "trailers"), ("Transfer-Encoding", "chunked"),
            ("Upgrade", "h2c"), ("HTTP2-Settings", "A"), ("Proxy-Authorization", "p"), ("Expect", "100-continue"), ("X-End", "1"),
        ])
        #expect(
            headers.map { $0.name } == ["Host", "X-End", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Prefix"])
    }

    @Test func `the server is told where the request came from, and gets what its endpoint demands`() throws {
        let headers = try forwarded(
            [("X-Forwarded-For", "198.51.100.7"), ("Host", "x"), ("X-Token", "forged")], headers: ["X-Token": "traffic"])
        #expect(headers["Host"] == ["sandbox.example"])
        #expect(headers["X-Token"] == ["traffic"])
        #expect(headers["X-Forwarded-For"] == ["198.51.100.7, 192.0.2.1"])
        #expect(headers["X-Forwarded-Host"] == ["gateway:8080"])
        #expect(headers["X-Forwarded-Prefix"] == [PortHeadersTests.prefix])
    }

    @Test func `a page has no say over the gateway's origin`() throws {
        let fields = PortHeaders.response(
            [
                "Content-Type": "text/html", "Clear-Site-Data": "\"*\"", "Strict-Transport-Security": "max-age=1",
                "Service-Worker-Allowed": "/",
                "Content-Security-Policy": "default-src *", "Connection": "X-Hop", "X-Hop": "1", "Transfer-Encoding": "chunked",
            ], prefix: PortHeadersTests.prefix)
        #expect(fields.map(\.name.canonicalName).sorted() == ["content-security-policy", "content-security-policy", "content-type"])
        let policies = fields[values: .contentSecurityPolicy]
        #expect(policies.first == "default-src *")
        #expect(policies.last?.hasPrefix("sandbox allow-scripts") == true)
        #expect(policies.allSatisfy { !$0.contains("allow-same-origin") })
    }

    @Test(
        "cookies are the port's own",
        arguments: [
            ("a=1", "a=1; Path=\(prefix)/"), ("a=1; Path=/; Domain=example.com; HttpOnly", "a=1; HttpOnly; Path=\(prefix)/"),
            ("a=1;path=/x;SameSite=Lax", "a=1; SameSite=Lax; Path=\(prefix)/"), ("sandstorm_session=1", nil), ("SANDSTORM=1; Path=/", nil),
            ("__Host-a=1; Secure; Path=/", nil),
        ] as [(String, String?)])
    func cookies(sent: String, expected: String?) {
        let fields = PortHeaders.response(["Set-Cookie": sent], prefix: PortHeadersTests.prefix)
        #expect(fields[values: .setCookie].first == expected)
    }

    @Test(
        "what is behind the port is passed on as it is",
        arguments: [
            ("/v1/sandboxes/SBX/ports/80", ""), ("/v1/sandboxes/SBX/ports/80/", "/"), ("/v1/sandboxes/SBX/ports/80?q=1", "?q=1"),
            ("/v1/sandboxes/SBX/ports/80//a/../b%2F/?q=/v1", "//a/../b%2F/?q=/v1"), ("//v1/sandboxes/SBX//ports/80/a", "/a"),
        ])
    func targets(path: String, target: String) throws {
        let sandbox = SandboxID.generate()
        let address = try PortAddress(sandbox: sandbox, port: "80", path: path.replacing("SBX", with: sandbox.rawValue))
        #expect(address.target == target)
    }

    @Test("numbers that are no port", arguments: ["0", "65536", "-1", "80a", "", "99999999999999999999"])
    func ports(port: String) {
        #expect(throws: Problem.self) { try PortAddress(sandbox: .generate(), port: port, path: "/") }
    }
}
