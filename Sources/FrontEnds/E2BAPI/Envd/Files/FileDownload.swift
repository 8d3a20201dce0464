import HTTPTypes
import Hummingbird
import HummingbirdCore
import SandstormCore
import SandstormServer
import SandstormWire

/// `GET /files`: what is in a file, or a part of it, compressed if the client would have it so.
struct FileDownload: Sendable {
    /// What is shorter does not become so by being compressed.
    private static let shortestCompressed: Int64 = 1024

    let request: Request
    let path: String
    let files: any SandboxFiles
    let client: ClientPresence
    let requestID: String
    let interval: Duration

    func response() async throws -> Response {
        guard FileDownload.accepts("identity", request.headers) || FileDownload.accepts("gzip", request.headers) else {
            throw E2BError(.notAcceptable, "the file can be sent as it is or compressed with gzip; Accept-Encoding takes neither")
        }
        let file = try await client.whilePresent { FileVersion(try await files.info(path, followingLinks: true)) }
        guard file.info.kind != .directory else { throw E2BError(.badRequest, "path '\(path)' is a directory") }
        guard file.info.kind == .file else { throw E2BError(.badRequest, "path '\(path)' is not a regular file") }
        if file.isKnown(to: request.headers) { return Response(status: .notModified, headers: file.headers) }
        var part: Range<Int64>?
        if let wanted = RangeHeader(request.headers[.range]), file.isCurrent(for: request.headers) {
            guard let bytes = wanted.bytes(of: file.info.size) else { throw file.rangeProblem }
            part = bytes
        }
        let range = part
        let content = try await client.whilePresent { try await files.open(path, range: range) }
        return try range.map { try partResponse(content, $0) } ?? wholeResponse(content)
    }

    private func partResponse(_ content: FileContent, _ range: Range<Int64>) throws -> Response {
        let file = FileVersion(content.info)
        // It may have become shorter since it was asked how long it is.
        let part = range.clamped(to: 0..<max(0, file.info.size))
        guard !part.isEmpty, part.lowerBound == range.lowerBound else { throw file.rangeProblem }
        var headers = fields(of: file)
        headers[.contentRange] = "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(file.info.size)"
        return body(content.bytes, Int64(part.count)).response(status: .partialContent, headers: headers)
    }

    private func wholeResponse(_ content: FileContent) -> Response {
        let file = FileVersion(content.info)
        var headers = fields(of: file)
        // Files that the kernel makes up say that they are empty, and are not.
        let length = file.info.size > 0 ? file.info.size : nil
        guard length ?? .max >= FileDownload.shortestCompressed, FileDownload.wantsCompressed(request.headers) else {
            return body(content.bytes, length).response(headers: headers)
        }
        headers[.contentEncoding] = "gzip"
        // These bytes are others than those of the file, which alone have ranges.
        headers[.eTag] = "W/" + file.tag
        headers[.acceptRanges] = nil
        return body(content.bytes.compressed, nil).response(headers: headers)
    }

    private func fields(of file: FileVersion) -> HTTPFields {
        var headers = file.headers
        headers[.contentDisposition] = ContentDisposition.attachment(file.info.name)
        headers[.vary] = "Accept-Encoding"
        return headers
    }

    private func body(_ bytes: ByteStream, _ length: Int64?) -> StreamBody<ByteStream> {
        var body = StreamBody(
            source: bytes, framing: .bytes(contentType: "application/octet-stream"), client: client, heartbeatInterval: interval,
            requestID: requestID
        ) { $1 = $0 }
        body.length = length
        return body
    }

    /// Whether the client would have a file compressed, and does not only take it so.
    ///
    /// Clients' libraries offer `gzip, deflate` of themselves, with every request; compressing costs far more time than most networks
    /// take for the file as it is. The SDK's own wish, `read(…, gzip=True)`, is `gzip` alone.
    static func wantsCompressed(_ headers: HTTPFields) -> Bool {
        guard accepts("gzip", headers) else { return false }
        let encodings = (headers[.acceptEncoding] ?? "").split(separator: ",").map {
            $0.prefix { $0 != ";" }.filter { $0 != " " && $0 != "\t" }
        }
        return !accepts("identity", headers) || encodings.allSatisfy { $0.lowercased() == "gzip" || $0.lowercased() == "identity" }
    }

    /// Whether the client takes an encoding (RFC 9110, section 12.5.3). One that says nothing takes the bytes as they are.
    static func accepts(_ encoding: String, _ headers: HTTPFields) -> Bool {
        guard let value = headers[.acceptEncoding] else { return encoding == "identity" }
        var others: Bool?
        for element in value.lowercased().split(separator: ",") {
            let parts = element.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" } }
            guard let name = parts.first else { continue }
            let weight = parts.dropFirst().first { $0.hasPrefix("q=") }.flatMap { Double($0.dropFirst(2)) } ?? 1
            if name == encoding { return weight > 0 }
            if name == "*" { others = weight > 0 }
        }
        return others ?? (encoding == "identity")
    }
}
