import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import SandstormCore

/// Gives every request a name that the client, the logs and the answer share: the client's own if it is sane, else a new one.
struct RequestIDMiddleware: RouterMiddleware {
    func handle(
        _ request: Request, context: APIContext, next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        context.requestID = request.headers[.requestID].flatMap(RequestIDMiddleware.sane) ?? RequestIDMiddleware.generate()
        context.logger[metadataKey: "request.id"] = "\(context.requestID)"
        let named = context
        var response = try await withLogger(context.logger) { _ in try await next(request, named) }
        response.headers[.requestID] = context.requestID
        // Outputs are whatever somebody's code printed: no browser may take them for a page.
        response.headers[.xContentTypeOptions] = "nosniff"
        return response
    }

    static func generate() -> String { Identifier<RequestKind>.generate().rawValue }

    private static func sane(_ id: String) -> String? {
        let isSane = (1...128).contains(id.utf8.count) && id.utf8.allSatisfy { (0x21...0x7E).contains($0) && !#""\<>"#.utf8.contains($0) }
        return isSane ? id : nil
    }
}

/// Kinds of identifiers: one HTTP request.
private enum RequestKind: IdentifierKind { static let prefix = "req" }
