import NIOCore
import SandstormCore
import SandstormWire
import Testing

@Suite("Forms and URLs for vendors") struct MultipartFormTests {
    @Test("a form is what its length says, and reads back as it was", arguments: ["plain.txt", "a/b c.txt", "gr\u{FC}n \"x\"\r\n.txt"])
    func form(fileName: String) async throws {
        let content = ByteBuffer(string: "first\r\n--not the boundary\r\nlast")
        let form = MultipartForm(name: "file", fileName: fileName)
        let body = try await form.body(ByteStream(content)).collect(upTo: 1 << 20)
        #expect(Int64(body.readableBytes) == form.length(of: Int64(content.readableBytes)))
        let boundary = String(form.contentType.dropFirst("multipart/form-data; boundary=".count))
        let text = String(buffer: body)
        #expect(text.hasPrefix("--\(boundary)\r\n") && text.hasSuffix("\r\n--\(boundary)--\r\n"))
        #expect(text.contains("\r\n\r\n\(String(buffer: content))\r\n--\(boundary)"))
        // A name never ends its own field.
        let head = text.utf8.prefix { $0 != UInt8(ascii: "\r") }
        #expect(String(head) == "--\(boundary)")
        #expect(text.split(separator: "\r\n", omittingEmptySubsequences: false)[1].filter { $0 == "\"" }.count == 4)
    }

    @Test("of nothing is whole too")
    func empty() async throws {
        let form = MultipartForm(name: "file", fileName: "x", boundary: "b")
        #expect(Int64(try await form.body(ByteStream(ByteBuffer())).collect(upTo: 1000).readableBytes) == form.length(of: 0))
    }

    @Test("a source that fails fails the form")
    func failing() async {
        let source = ByteStream { () async throws(ProviderError) in throw ProviderError(.interrupted, "gone") }
        await #expect(throws: ProviderError.self) { try await MultipartForm(name: "file", fileName: "x").body(source).collect(upTo: 1000) }
    }

    @Test(
        "text in URLs", arguments: [("a b/c", "a%20b%2Fc"), ("\u{FC}&=?#%+", "%C3%BC%26%3D%3F%23%25%2B"), ("a-._~Z9", "a-._~Z9"), ("", "")])
    func percent(text: String, encoded: String) { #expect(PercentEncoding.component(text) == encoded) }

    @Test("a query has what there is") func query() {
        #expect(PercentEncoding.query(["a": "1 2", "b": nil, "c": ""]) == "?a=1%202&c=")
        #expect(PercentEncoding.query(["b": nil]) == "")
    }
}
