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

/// Volumes: their names and tokens. No back end can mount one, and what has nowhere to go is not taken: their content is refused.
struct VolumeRoutes: Sendable {
    let engine: Engine
    let catalog: TemplateCatalog
    let maximumBodyBytes: Int

    func add(to routes: RouterGroup<CallerContext>) {
        routes.get("/volumes", use: list)
        routes.post("/volumes", use: create)
        routes.get("/volumes/:volumeID", use: show)
        routes.delete("/volumes/:volumeID", use: delete)
    }

    private func list(_ request: Request, _ context: CallerContext) async throws -> Response {
        let volumes = try await catalog.asked { () async throws(StoreError) in
            try await engine.volumes.volumes(tenant: context.principal.tenant)
        }
        return .control(.array(volumes.map { ["volumeID": .string(PlainID.text($0.id)), "name": .string($0.name)] }))
    }

    private func create(_ request: Request, _ context: CallerContext) async throws -> Response {
        let name = try await ControlBody.read(request, limit: maximumBodyBytes) { $0.requiredString("name") }
        guard TemplateName.isValid(name) else {
            throw E2BError(.badRequest, "Invalid volume name: use letters, digits, -, _ and ., at most 128")
        }
        let volume = VolumeRecord(
            id: .generate(), tenant: context.principal.tenant, project: context.principal.project, name: name, createdAt: Date())
        guard try await catalog.asked({ () async throws(StoreError) in try await engine.volumes.insert(volume) }) else {
            throw E2BError(.badRequest, "Volume with name '\(name)' already exists")
        }
        return .control(json(volume), status: .created)
    }

    private func show(_ request: Request, _ context: CallerContext) async throws -> Response {
        .control(json(try await volume(context)))
    }

    private func delete(_ request: Request, _ context: CallerContext) async throws -> Response {
        let volume = try await volume(context)
        guard try await catalog.asked({ () async throws(StoreError) in try await engine.volumes.deleteVolume(volume.id) }) else {
            throw VolumeRoutes.missing(PlainID.text(volume.id))
        }
        return .done
    }

    private func volume(_ context: CallerContext) async throws -> VolumeRecord {
        let text = try context.text("volumeID")
        guard let id = PlainID.parse(text, as: VolumeKind.self),
            let volume = try await catalog.asked({ () async throws(StoreError) in try await engine.volumes.volume(id) }),
            volume.tenant == context.principal.tenant
        else { throw VolumeRoutes.missing(text) }
        return volume
    }

    private static func missing(_ text: String) -> E2BError { E2BError(.notFound, "Volume \"\(text.prefix(128))\" not found") }

    private func json(_ volume: VolumeRecord) -> JSONValue {
        [
            "volumeID": .string(PlainID.text(volume.id)), "name": .string(volume.name),
            "token": .string(engine.token(of: volume.id.rawValue, for: "e2b.volume")),
        ]
    }

    /// What is said to whoever wants to read or write a volume's files.
    static let noContent = E2BError(
        .notImplemented, "The content of volumes is not served here; keep files in sandboxes and their snapshots")
}
