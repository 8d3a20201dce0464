import HTTPTypes
import Hummingbird
import HummingbirdCore
import SandstormCore
import SandstormEngine
import SandstormServer
import SandstormStore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Secrets: put away here, and never given out.
struct SecretRoutes: Sendable {
    /// The most that one tenant may have.
    static let maximumSecrets = 1000
    private static let maximumBytes = 64 * 1024

    let vault: SecretVault
    let maximumBodyBytes: Int

    func add(to routes: RouterGroup<CallerContext>) {
        routes.get("/secrets", use: list)
        routes.post("/secrets", use: create)
        routes.get("/secrets/:secretID", use: show)
        routes.post("/secrets/:secretID", use: replace)
        routes.delete("/secrets/:secretID", use: delete)
    }

    private func list(_ request: Request, _ context: CallerContext) async throws -> Response {
        let parameters = try ControlQuery(request)
        let page = try parameters.integer("limit", in: 1...100) ?? 100
        let before: SecretID? = try PageToken.parse(try parameters.text("nextToken"))
        let secrets = try await vault.list(before: before, limit: page + 1, for: context.principal)
        return .control(
            .array(secrets.prefix(page).map(SecretRoutes.json)), headers: PageToken.headers(secrets, limit: page) { $0.id.rawValue })
    }

    private func create(_ request: Request, _ context: CallerContext) async throws -> Response {
        let (name, value, metadata) = try await ControlBody.read(request, limit: maximumBodyBytes) { reader throws(E2BError) in
            let name = reader.requiredString("name")
            if !name.isEmpty, !TemplateName.isValid(name) {
                reader.report("name", "is no name", remedy: "use letters, digits, -, _ and ., at most 128")
            }
            return (name, SecretRoutes.value(&reader), reader.stringMap("metadata") ?? [:])
        }
        guard try await vault.count(for: context.principal) < SecretRoutes.maximumSecrets else {
            throw E2BError(.conflict, "There are \(SecretRoutes.maximumSecrets) secrets already", code: "secret_limit_reached")
        }
        guard let secret = try await vault.make(name: name, value: value, metadata: metadata, for: context.principal) else {
            throw E2BError(.conflict, "Secret with name '\(name)' already exists")
        }
        return .control(SecretRoutes.json(secret), status: .created)
    }

    private func replace(_ request: Request, _ context: CallerContext) async throws -> Response {
        let id = try SecretRoutes.id(context)
        let (value, metadata) = try await ControlBody.read(request, limit: maximumBodyBytes) { reader throws(E2BError) in
            (SecretRoutes.value(&reader), reader.stringMap("metadata"))
        }
        guard let secret = try await vault.replace(id, value: value, metadata: metadata, for: context.principal) else {
            throw SecretRoutes.missing(id)
        }
        return .control(SecretRoutes.json(secret))
    }

    /// Never told back, not even in part, in what is wrong with it.
    private static func value(_ reader: inout JSONReader) -> String {
        let value = reader.requiredString("value")
        if value.utf8.count > maximumBytes { reader.report("value", "is too long", remedy: "send at most \(maximumBytes) bytes") }
        return value
    }

    private func show(_ request: Request, _ context: CallerContext) async throws -> Response {
        let id = try SecretRoutes.id(context)
        guard let secret = try await vault.find(id, for: context.principal) else { throw SecretRoutes.missing(id) }
        return .control(SecretRoutes.json(secret))
    }

    private func delete(_ request: Request, _ context: CallerContext) async throws -> Response {
        let id = try SecretRoutes.id(context)
        guard try await vault.delete(id, for: context.principal) else { throw SecretRoutes.missing(id) }
        return .done
    }

    /// The id as the store has it, or a name.
    private static func id(_ context: CallerContext) throws(E2BError) -> String {
        let text = try context.text("secretID")
        return PlainID.parse(text, as: SecretKind.self)?.rawValue ?? text
    }

    private static func missing(_ text: String) -> E2BError { E2BError(.notFound, "Secret \"\(text.prefix(128))\" not found") }

    private static func json(_ secret: SecretRecord) -> JSONValue {
        [
            "secretID": .string(PlainID.text(secret.id)), "name": .string(secret.name), "currentVersion": .integer(secret.version),
            "metadata": secret.metadata.json, "createdAt": .string(secret.createdAt.rfc3339),
            "updatedAt": .string(secret.updatedAt.rfc3339),
        ]
    }
}
