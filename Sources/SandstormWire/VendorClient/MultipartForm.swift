import NIOCore
package import SandstormCore

/// One file as `multipart/form-data` (RFC 7578), as its bytes come.
package struct MultipartForm: Sendable {
    /// Of the whole body, for the header of the same name.
    package let contentType: String
    private let opening: ByteBuffer
    private let closing: ByteBuffer

    /// - Parameters:
    ///   - name: of the form's field.
    ///   - fileName: as the receiver shall see it; any text.
    ///   - boundary: must not be in the file; random unless a test wants to know.
    package init(name: String, fileName: String, boundary: String = MultipartForm.randomBoundary()) {
        contentType = "multipart/form-data; boundary=\(boundary)"
        opening = ByteBuffer(
            string: "--\(boundary)\r\nContent-Disposition: form-data; name=\"\(MultipartForm.quoted(name))\"; "
                + "filename=\"\(MultipartForm.quoted(fileName))\"\r\nContent-Type: application/octet-stream\r\n\r\n")
        closing = ByteBuffer(string: "\r\n--\(boundary)--\r\n")
    }

    /// The body's length for a file of `count` bytes.
    package func length(of count: Int64) -> Int64 { Int64(opening.readableBytes) + count + Int64(closing.readableBytes) }

    /// The body.
    package func body(_ content: ByteStream) -> ByteStream {
        let state = Locked(0)
        let (opening, closing) = (opening, closing)
        return ByteStream { () async throws(ProviderError) in
            let turn = state.withLock { turn in
                defer { turn = max(turn, 1) }
                return turn
            }
            if turn == 0 { return opening }
            guard turn == 1 else { return nil }
            // All iterators of such a stream draw from one source.
            var source = content.makeAsyncIterator()
            if let piece = try await source.next(isolation: nil) { return piece }
            state.withLock { $0 = 2 }
            return closing
        }
    }

    /// 128 random bits.
    package static func randomBoundary() -> String {
        "sandstorm-" + (0..<2).map { _ in String(UInt64.random(in: .min ... .max), radix: 16) }.joined()
    }

    /// As browsers escape a file's name.
    private static func quoted(_ text: String) -> String {
        var quoted = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "%22"
            case "\r": quoted += "%0D"
            case "\n": quoted += "%0A"
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted
    }
}
