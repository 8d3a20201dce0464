import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import SandstormCore
import SandstormEngine
import SandstormServer

/// `/v1/sandboxes/{id}/files`: what is in a file, read and written as its bytes come.
struct FileContentRoutes: Sendable {
    let engine: Engine
    let streams: EventStreams

    func add(to routes: RouterGroup<CallerContext>) {
        routes.on(.files, .get, use: read)
        routes.on(.files, .head, use: head)
        routes.on(.files, .put, use: write)
    }

    // MARK: GET

    private func read(_ request: Request, _ context: CallerContext) async throws -> Response {
        let parameters = try QueryParameters(request, names: ["path", "user"])
        let (path, user) = (try parameters.path(), try parameters.user())
        let wanted = RangeHeader(request.headers[.range])
        // A condition or the end of a range may need the file's size before it is opened.
        let needsInfo = wanted != nil || request.headers[.ifNoneMatch] != nil || request.headers[.ifModifiedSince] != nil
        let client = streams.client(of: context)
        var part: Range<Int64>?
        if needsInfo {
            let file = try await engine.withFiles(as: user, context, client) { files throws(ProviderError) in
                FileVersion(try await files.info(path, followingLinks: true))
            }
            if file.isKnown(to: request.headers) { return Response(status: .notModified, headers: file.headers) }
            if let wanted, file.isCurrent(for: request.headers), file.info.kind == .file {
                guard let bytes = wanted.bytes(of: file.info.size) else { throw file.rangeProblem }
                part = bytes
            }
        }
        let range = part
        let content = try await engine.withFiles(as: user, context, client) { files throws(ProviderError) in
            try await files.open(path, range: range)
        }
        return try response(content, range, context)
    }

    private func response(_ content: FileContent, _ range: Range<Int64>?, _ context: CallerContext) throws(Problem) -> Response {
        let file = FileVersion(content.info)
        var headers = file.headers
        headers[.contentDisposition] = ContentDisposition.attachment(file.info.name)
        let contentType = "application/octet-stream"
        guard let range else {
            // Files that the kernel makes up say that they are empty, and are not.
            let length = file.info.size > 0 ? file.info.size : nil
            return streams.response(content.bytes, contentType: contentType, length: length, context, headers: headers)
        }
        // It may have become shorter since it was asked how long it is.
        let part = range.clamped(to: 0..<max(0, file.info.size))
        guard !part.isEmpty, part.lowerBound == range.lowerBound else { throw file.rangeProblem }
        headers[.contentRange] = "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(file.info.size)"
        return streams.response(
            content.bytes, contentType: contentType, length: Int64(part.count), context, status: .partialContent, headers: headers)
    }

    /// Like `GET`, without opening the file. A range means nothing here (RFC 9110, section 14.2).
    private func head(_ request: Request, _ context: CallerContext) async throws -> Response {
        let parameters = try QueryParameters(request, names: ["path", "user"])
        let (path, user) = (try parameters.path(), try parameters.user())
        let file = try await engine.withFiles(as: user, context, streams.client(of: context)) { files throws(ProviderError) in
            FileVersion(try await files.info(path, followingLinks: true))
        }
        guard file.info.kind == .file else { throw Problem(.conflict, "there is no file at this path, but something else") }
        if file.isKnown(to: request.headers) { return Response(status: .notModified, headers: file.headers) }
        var headers = file.headers
        headers[.contentDisposition] = ContentDisposition.attachment(file.info.name)
        headers[.contentType] = "application/octet-stream"
        headers[.contentLength] = String(file.info.size)
        return Response(status: .ok, headers: headers)
    }

    // MARK: PUT

    private func write(_ request: Request, _ context: CallerContext) async throws -> Response {
        let parameters = try QueryParameters(request, names: ["path", "user", "mode"])
        let (path, user) = (try parameters.path(), try parameters.user())
        let mode = try parameters.mode() ?? 0o644
        let client = streams.client(of: context)
        let sandbox = try context.sandboxID
        let files = try await engine.files(of: sandbox, as: user, for: context.principal)
        let (isNew, info) = try await Upload(request, from: client).pass { bytes in
            let isNew = try await FileContentRoutes.isAbsent(path, files)
            try await files.write(path, from: bytes, mode: mode)
            return (isNew, try await files.info(path, followingLinks: true))
        }
        return .json(info.json, status: isNew ? .created : .ok)
    }

    private static func isAbsent(_ path: String, _ files: any SandboxFiles) async throws(ProviderError) -> Bool {
        do throws(ProviderError) {
            _ = try await files.info(path, followingLinks: true)
            return false
        } catch {
            guard error.fileProblem == .notFound else { throw error }
            return true
        }
    }
}
