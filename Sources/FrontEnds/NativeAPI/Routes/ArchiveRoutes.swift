import HTTPTypes
import Hummingbird
import HummingbirdCore
import SandstormCore
import SandstormEngine
import SandstormServer

/// `/v1/sandboxes/{id}/files/archive`: directories as tar archives, packed and unpacked inside the sandbox as the bytes come.
struct ArchiveRoutes: Sendable {
    let engine: Engine
    let streams: EventStreams

    func add(to routes: RouterGroup<CallerContext>) {
        routes.on(.archive, .get, use: pack)
        routes.on(.archive, .head, use: head)
        routes.on(.archive, .put, use: unpack)
    }

    private func pack(_ request: Request, _ context: CallerContext) async throws -> Response {
        let parameters = try QueryParameters(request, names: ["path", "user"])
        let (path, user) = (try parameters.path(), try parameters.user())
        let bytes = try await engine.withFiles(as: user, context, streams.client(of: context)) { files throws(ProviderError) in
            try await files.archive(path)
        }
        return streams.response(bytes, contentType: ArchiveRoutes.type, length: nil, context, headers: ArchiveRoutes.headers(path))
    }

    /// Like `GET`, without packing anything.
    private func head(_ request: Request, _ context: CallerContext) async throws -> Response {
        let parameters = try QueryParameters(request, names: ["path", "user"])
        let (path, user) = (try parameters.path(), try parameters.user())
        _ = try await engine.withFiles(as: user, context, streams.client(of: context)) { files throws(ProviderError) in
            try await files.info(path, followingLinks: true)
        }
        var headers = ArchiveRoutes.headers(path)
        headers[.contentType] = ArchiveRoutes.type
        return Response(status: .ok, headers: headers)
    }

    private func unpack(_ request: Request, _ context: CallerContext) async throws -> Response {
        let parameters = try QueryParameters(request, names: ["path", "user"])
        let (path, user) = (try parameters.path(), try parameters.user())
        let files = try await engine.files(of: try context.sandboxID, as: user, for: context.principal)
        try await Upload(request, from: streams.client(of: context)).pass { bytes in try await files.extract(bytes, into: path) }
        return .noContent
    }

    private static let type = "application/x-tar"

    private static func headers(_ path: String) -> HTTPFields {
        let name = path.split(separator: "/").last { $0 != "." && $0 != ".." } ?? "archive"
        return [.contentDisposition: ContentDisposition.attachment("\(name).tar"), .cacheControl: "no-store"]
    }
}
