import HTTPTypes
import SandstormCore
import Testing

@testable import E2BAPI

@Suite("Where requests go") struct AddressTests {
    private func address(_ host: String, _ path: String, sandbox: String? = nil, port: String? = nil) -> E2BAddress? {
        var head = HTTPRequest(method: .get, scheme: "http", authority: host, path: path)
        if let sandbox { head.headerFields[HTTPField.Name("e2b-sandbox-id")!] = sandbox }
        if let port { head.headerFields[HTTPField.Name("e2b-sandbox-port")!] = port }
        return E2BAddress(head, domain: "sandstorm.localhost")
    }

    @Test(arguments: [
        ("/e2b", "/"), ("/e2b/", "/"), ("/e2b/v2/sandboxes?a=1", "/v2/sandboxes?a=1"), ("/e2b?a=1", "/?a=1"), ("/e2b//health", "/health"),
    ])
    func `below the prefix is the control plane`(path: String, rest: String) {
        #expect(address("127.0.0.1:8787", path) == .control(path: rest))
    }

    @Test(arguments: ["/", "/v1/sandboxes", "/e2bx/health", "/E2B/health", "/x/e2b"])
    func `other paths are another dialect's`(path: String) {
        #expect(address("127.0.0.1:8787", path) == nil)
    }

    @Test func `fields lead to a port, with the prefix or without`() {
        let there = E2BAddress.sandbox("sbx1", port: 49_983, path: "/process.Process/Start", origin: .fields)
        #expect(address("127.0.0.1", "/e2b/process.Process/Start", sandbox: "sbx1", port: "49983") == there)
        #expect(address("127.0.0.1", "/e2b//process.Process/Start", sandbox: "sbx1", port: "49983") == there)
        #expect(address("127.0.0.1", "/process.Process/Start", sandbox: "sbx1", port: "49983") == there)
        #expect(address("sandbox.sandstorm.localhost", "/process.Process/Start", sandbox: "sbx1", port: "49983") == there)
    }

    @Test func `half of the fields is told as that`() {
        for (sandbox, port) in [("sbx1", nil), (nil, "80"), ("sbx1", "http"), ("sbx1", "0"), ("sbx1", "65536")] as [(String?, String?)] {
            guard case .wrong? = address("127.0.0.1", "/e2b/x", sandbox: sandbox, port: port) else {
                Issue.record("\(sandbox ?? "-") \(port ?? "-")")
                continue
            }
        }
    }

    @Test func `names lead to a port, or to the control plane`() {
        #expect(address("api.sandstorm.localhost:8443", "/v2/sandboxes") == .control(path: "/v2/sandboxes"))
        #expect(address("API.Sandstorm.Localhost", "/health") == .control(path: "/health"))
        #expect(
            address("8000-sbx1.sandstorm.localhost", "/a?b") == .sandbox("sbx1", port: 8000, path: "/a?b", origin: .ownHost))
        // What follows a second dash is of older clients and means nothing.
        #expect(
            address("8000-sbx1-6532622b.sandstorm.localhost", "/") == .sandbox("sbx1", port: 8000, path: "/", origin: .ownHost))
    }

    @Test(arguments: [
        "x.sandstorm.localhost", "sbx1.sandstorm.localhost", "0-sbx1.sandstorm.localhost", "1.8000-sbx1.sandstorm.localhost",
        "sandbox.sandstorm.localhost",
    ])
    func `names that lead nowhere are told as that`(host: String) {
        guard case .wrong? = address(host, "/") else {
            Issue.record("\(host)")
            return
        }
    }

    @Test func `a name that only ends alike is another's`() {
        #expect(address("8000-sbx1.evilsandstorm.localhost", "/") == nil)
        #expect(address("sandstorm.localhost", "/") == nil)
    }

    @Test func `ids go through host names and back`() throws {
        let id = SandboxID.generate()
        let text = E2BSandboxID.text(of: id)
        #expect(text.allSatisfy { $0.isASCII && ($0.isLowercase || $0.isNumber) })
        #expect(E2BSandboxID.parse(text) == id)
        #expect(E2BSandboxID.parse(text + "-6532622b") == id)
        for other in ["", "sbx", id.rawValue, "i" + text.dropFirst(), text + "0", String(text.dropLast()), text.uppercased()] {
            #expect(E2BSandboxID.parse(other) == nil, "\(other)")
        }
    }
}
