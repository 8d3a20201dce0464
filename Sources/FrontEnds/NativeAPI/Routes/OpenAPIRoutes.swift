import HTTPTypes
import Hummingbird
import HummingbirdCore
import SandstormServer

/// `/openapi.json`: what this API is, for code generators.
struct OpenAPIRoutes: Sendable {
    func add(to router: Router<APIContext>) {
        router.on(.openAPI, .get) { _, _ in
            Response(
                status: .ok, headers: [.contentType: OfferedType.json.rawValue, .cacheControl: "no-cache"],
                body: ResponseBody(byteBuffer: OpenAPIDocument.encoded))
        }
    }
}
