import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import SandstormCore
import SandstormEngine
import SandstormServer
import SandstormWire

/// `POST /files`: one file as the body, or any number of them in a form.
struct FileUpload: Sendable {
    private static let metadataPrefix = "x-metadata-"
    /// As many as Linux follows.
    private static let mostLinks = 40

    let request: Request
    let query: FileQuery
    let user: EnvdUser
    let sandbox: OpenSandbox
    let files: any SandboxFiles
    let client: ClientPresence
    let engine: Engine

    func response() async throws -> Response {
        let isPacked = try checkEncoding()
        let contentType = request.headers[.contentType] ?? ""
        let form: MultipartDecoder?
        if ParameterizedHeader(contentType)?.value == "multipart/form-data" {
            do throws(MultipartError) { form = try MultipartDecoder(contentType: contentType) } catch {
                throw E2BError(.badRequest, error.description)
            }
        } else {
            form = nil
            guard query.path != nil else { throw E2BError(.badRequest, "the path is missing; send ?path=… or a form with file names") }
        }
        var head = request.head
        // Undone here.
        head.headerFields[.contentEncoding] = nil
        let written = try await Upload(Request(head: head, body: request.body), from: client).pass { bytes in
            let bytes = isPacked ? bytes.decompressed : bytes
            do {
                if let form { return try await writeForm(MultipartReader(bytes, decoder: form)) }
                return [try await write(bytes, to: query.path ?? "")]
            } catch let error as ConnectError {
                throw Problem(.invalidParameter, error.message)
            }
        }
        try await engine.note(noteChanges(written), in: sandbox)
        let metadata = metadata
        let entries = written.map { info in
            var object: JSONObject = ["path": .string(info.path), "name": .string(info.name), "type": "file"]
            if !metadata.isEmpty { object["metadata"] = metadata.json }
            return JSONValue.object(object)
        }
        let answer = ByteBuffer(bytes: JSONValue.array(entries).encodedBytes)
        return Response(
            status: .ok, headers: [.contentType: "application/json", .contentLength: String(answer.readableBytes)],
            body: ResponseBody(byteBuffer: answer))
    }

    /// Whether the body is compressed.
    private func checkEncoding() throws(E2BError) -> Bool {
        switch request.headers[.contentEncoding]?.lowercased() {
        case nil, "identity": return false
        case "gzip": return true
        case let encoding?:
            throw E2BError(
                .badRequest, "the encoding \"\(encoding.prefix(32))\" is not understood; send the bytes as they are, or use gzip",
                headers: [.connection: "close"])
        }
    }

    private func writeForm(_ reader: MultipartReader) async throws -> [FileInfo] {
        var written: [FileInfo] = []
        while let part = try await reader.next() {
            guard part.headers.name ?? "file" == "file" else { continue }
            guard let path = query.path ?? part.headers.filename, !path.isEmpty else {
                throw ConnectError(.invalidArgument, "a file of the form has no name; send one, or ?path=…")
            }
            guard query.path == nil || written.isEmpty else {
                throw ConnectError(.invalidArgument, "the form has several files for one path; leave ?path= out")
            }
            written.append(try await write(part.bytes, to: path))
        }
        return written
    }

    /// Writes a file, or what a link at its path leads to. One that is there keeps its mode.
    private func write(_ bytes: ByteStream, to path: String) async throws -> FileInfo {
        let asked = try user.path(path)
        var path = asked
        var mode: UInt16 = 0o644
        var links = 0
        while let info = try await info(path) {
            switch info.kind {
            case .file: mode = info.mode & 0o7777
            case .directory: throw ConnectError(.invalidArgument, "path '\(asked)' is a directory")
            case .other: throw ConnectError(.invalidArgument, "path '\(asked)' is not a regular file")
            case .symbolicLink:
                links += 1
                guard links <= FileUpload.mostLinks, let target = info.linkTarget else {
                    throw ConnectError(.invalidArgument, "path '\(asked)' is a link that leads nowhere")
                }
                path = EnvdUser.absolute(target, from: path)
                continue
            }
            break
        }
        try await files.write(path, from: bytes, mode: mode)
        return try await files.info(asked, followingLinks: false)
    }

    /// What is at a path itself; `nil` if nothing is.
    private func info(_ path: String) async throws(ProviderError) -> FileInfo? {
        do throws(ProviderError) {
            return try await files.info(path, followingLinks: false)
        } catch {
            guard error.fileProblem == .notFound else { throw error }
            return nil
        }
    }

    /// What is to be noted down about each file.
    private var metadata: [String: String] {
        var metadata: [String: String] = [:]
        for field in request.headers {
            let name = field.name.rawName.lowercased()
            if name.hasPrefix(FileUpload.metadataPrefix), name.count > FileUpload.metadataPrefix.count {
                metadata[String(name.dropFirst(FileUpload.metadataPrefix.count))] = field.value
            }
        }
        return metadata
    }

    private func noteChanges(_ written: [FileInfo]) throws(E2BError) -> JSONObject {
        let metadata = metadata
        let known = FileMetadata(of: sandbox)
        var changes = JSONObject()
        for info in written {
            for member in try known.replacing(metadata, of: info.path).members { changes[member.key] = member.value }
        }
        return changes
    }
}
