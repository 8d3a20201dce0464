import HTTPTypes
import HummingbirdCore
import SandstormServer

/// The query of `/files`. Names that are not known are passed over, as the vendor does.
struct FileQuery: Sendable {
    /// As the client wrote it.
    let path: String?
    let user: String?
    let signature: String?
    /// In seconds since 1970, as it was signed.
    let expiration: String?

    /// - Throws: ``E2BError``: 400 for a query that is not percent-encoded UTF-8.
    init(_ request: Request) throws(E2BError) {
        guard let parameters = FormText.parameters(request.uri.query ?? "") else {
            throw E2BError(.badRequest, "the query is not percent-encoded UTF-8")
        }
        func value(_ name: String) -> String? { parameters.first { $0.name == name }?.value }
        path = value("path")
        user = value("username")
        signature = value("signature")
        expiration = value("signature_expiration")
    }
}
