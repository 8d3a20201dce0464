import NIOCore
import SandstormWire
import Testing

@Suite("Parts of a form")
struct MultipartDecoderTests {
    /// A part with all of its bytes.
    struct Part: Hashable {
        var headers: MultipartHeaders
        var bytes: [UInt8] = []

        init(_ headers: MultipartHeaders, _ text: String = "") {
            self.headers = headers
            bytes = Array(text.utf8)
        }
    }

    private func decoded(_ text: String, pieces: Int = .max, boundary: String = "b") throws -> [Part] {
        var decoder = try MultipartDecoder(boundary: boundary)
        var parts: [Part] = []
        var rest = ByteBuffer(string: text)
        while rest.readableBytes > 0, let piece = rest.readSlice(length: min(pieces, rest.readableBytes)) {
            decoder.append(piece)
            while let event = try decoder.next() {
                switch event {
                case .part(let headers): parts.append(Part(headers))
                case .data(let bytes):
                    #expect(bytes.readableBytes > 0)
                    parts[parts.count - 1].bytes += bytes.readableBytesView
                case .partEnd: break
                }
            }
        }
        try decoder.finish()
        return parts
    }

    private static let form = """
        preamble\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="/home/user/ä b.txt"\r\n\
        Content-Type: text/plain\r\n\r\none\r\n--bb\r\n--\r\n\r\r\n--b-\r\n--b \t\r\ncontent-disposition:form-data;name=file\r\n\r\n\
        \r\n--b\r\n\r\nthree\r\n\r\n--b--\r\nepilogue\r\n--b\r\n\r\nnothing
        """

    @Test func `every way to cut a form gives the same parts`() throws {
        let whole = try decoded(Self.form)
        #expect(
            whole == [
                Part(
                    MultipartHeaders(name: "file", filename: "/home/user/ä b.txt", contentType: "text/plain"),
                    "one\r\n--bb\r\n--\r\n\r\r\n--b-"),
                Part(MultipartHeaders(name: "file")),
                Part(MultipartHeaders(), "three\r\n"),
            ])
        for pieces in 1...Self.form.utf8.count { #expect(try decoded(Self.form, pieces: pieces) == whole, "pieces of \(pieces)") }
    }

    @Test func `a form may have no parts`() throws {
        #expect(try decoded("--b--") == [])
        #expect(try decoded("--b--\r\n") == [])
    }

    @Test(
        "a form that is cut is known as cut",
        arguments: [
            "", "--b", "--b\r\n", "--b\r\n\r\nx", "--b\r\n\r\nx\r\n--b", "--b\r\n\r\nx\r\n--b-", "--b\r\nA: b", "--c--",
            "--b\r\n\r\nx\r\n--b\r\n",
            "x--b--",
        ])
    func cut(text: String) {
        #expect(throws: MultipartError.cut) { try decoded(text) }
        #expect(throws: MultipartError.cut) { try decoded(text, pieces: 1) }
    }

    @Test(
        "headers that are none are refused",
        arguments: [
            "no colon", ": no name", " folded: line", "Content-Disposition: form-data; name=\"open", "Content-Disposition: form-data; name",
            "Content-Disposition: ",
        ])
    func malformed(line: String) {
        #expect(throws: MultipartError.malformedHeader) { try decoded("--b\r\n\(line)\r\n\r\n\r\n--b--") }
    }

    @Test func `long headers are refused before they are kept`() throws {
        var decoder = try MultipartDecoder(boundary: "b", headerLimit: 100)
        decoder.append(ByteBuffer(string: "--b\r\nA: "))
        #expect(throws: MultipartError.headersTooLong(limit: 100)) {
            for _ in 0..<20 {
                decoder.append(ByteBuffer(string: "0123456789"))
                while try decoder.next() != nil {}
            }
        }
        #expect(decoder.bufferedByteCount == 0)
        #expect(throws: MultipartError.headersTooLong(limit: 100)) { try decoder.next() }
        #expect(throws: MultipartError.headersTooLong(limit: 100)) { try decoder.finish() }
    }

    @Test func `many parts are refused`() throws {
        var decoder = try MultipartDecoder(boundary: "b", partLimit: 2)
        decoder.append(ByteBuffer(string: "--b\r\n\r\n\r\n--b\r\n\r\n\r\n--b\r\n\r\n\r\n--b--"))
        #expect(throws: MultipartError.tooManyParts(limit: 2)) { while try decoder.next() != nil {} }
    }

    @Test func `a part of any size costs no memory`() throws {
        var decoder = try MultipartDecoder(boundary: "b")
        decoder.append(ByteBuffer(string: "--b\r\n\r\n"))
        let piece = ByteBuffer(string: String(repeating: "0123456789\r\n-", count: 1000))
        var count = 0
        for _ in 0..<1000 {
            decoder.append(piece)
            while let event = try decoder.next() { if case .data(let bytes) = event { count += bytes.readableBytes } }
            #expect(decoder.bufferedByteCount < 16)
        }
        #expect(count > 999 * piece.readableBytes)
        #expect(decoder.capacity < 4 * piece.readableBytes)
    }

    @Test(
        "boundaries are found in the content type",
        arguments: [
            ("multipart/form-data; boundary=b", true), ("Multipart/Form-Data;charset=utf-8; BOUNDARY=\"b\"", true),
            ("multipart/form-data", false), ("multipart/mixed; boundary=b", false), ("multipart/form-data; boundary=", false),
            ("multipart/form-data; boundary=\"b", false), ("", false), ("multipart/form-data; boundary=\"a\rb\"", false),
        ])
    func boundaries(contentType: String, isValid: Bool) throws {
        if isValid {
            var decoder = try MultipartDecoder(contentType: contentType)
            decoder.append(ByteBuffer(string: "--b--"))
            #expect(try decoder.next() == nil)
            try decoder.finish()
        } else {
            #expect(throws: MultipartError.noBoundary) { try MultipartDecoder(contentType: contentType) }
        }
    }

    @Test(
        "file names are kept as they come",
        arguments: [
            (#"filename="a.txt""#, "a.txt"), (#"filename=a.txt"#, "a.txt"), (#"filename="/d/e f/g;h.txt""#, "/d/e f/g;h.txt"),
            (#"filename="a\"b\\c\d""#, #"a"b\c\d"#), (#"filename="100%22.txt""#, "100%22.txt"),
            (#"filename="plain"; filename*=UTF-8''%C3%A4%20b"#, "ä b"), (#"filename="日本語""#, "日本語"), (#"filename="""#, ""),
        ])
    func names(parameter: String, name: String) throws {
        let parts = try decoded("--b\r\nContent-Disposition: form-data; \(parameter)\r\n\r\n\r\n--b--")
        #expect(parts.map(\.headers.filename) == [name])
    }
}
