import HTTPTypes
import Hummingbird
import HummingbirdCore

extension RouterMethods {
    /// Adds what `endpoint` does for `method`. That the endpoint's table has the method is checked when the router is built.
    func on(
        _ endpoint: Endpoint, _ method: HTTPRequest.Method, use handler: @escaping @Sendable (Request, Context) async throws -> Response
    ) {
        let isKnown = endpoint.methods.contains(method) || (method == .head && endpoint.methods.contains(.get))
        precondition(isKnown, "\(endpoint.rawValue) has no \(method) in its table")
        on(RouterPath(endpoint.rawValue), method: method, use: handler)
    }
}
