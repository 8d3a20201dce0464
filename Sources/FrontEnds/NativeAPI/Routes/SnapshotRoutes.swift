import HTTPTypes
import Hummingbird
import HummingbirdCore
import SandstormCore
import SandstormEngine
import SandstormServer
import SandstormStore

/// `/v1/snapshots`, and how snapshots are taken.
struct SnapshotRoutes: Sendable {
    let engine: Engine
    let maximumBodyBytes: Int

    func add(to routes: RouterGroup<CallerContext>) {
        routes.on(.sandboxSnapshots, .post, use: take)
        routes.on(.snapshots, .get, use: list)
        routes.on(.snapshot, .get, use: show)
        routes.on(.snapshot, .delete, use: delete)
    }

    /// A caller that leaves meanwhile finds its snapshot in the list.
    private func take(_ request: Request, _ context: CallerContext) async throws -> Response {
        _ = try QueryParameters(request, names: [])
        let id = try context.sandboxID
        let wish = try await JSONBody.read(request, limit: maximumBodyBytes, absent: [:], as: SnapshotRequest.init(json:))
        let snapshot = try await engine.snapshot(id, kind: wish.kind, name: wish.name, for: context.principal)
        return .json(snapshot.json, status: .created, headers: [.location: "\(Endpoint.snapshots.rawValue)/\(snapshot.id)"])
    }

    private func list(_ request: Request, _ context: CallerContext) async throws -> Response {
        let parameters = try QueryParameters(request, names: ["sandboxId"] + Page<SnapshotIDKind>.names)
        let page = try Page<SnapshotIDKind>(parameters)
        var query = SnapshotQuery()
        query.sandbox = try parameters.identifier("sandboxId", remedy: "send a sandbox's id, or leave it out")
        query.before = page.before
        query.limit = page.queryLimit
        let snapshots = try await engine.snapshots(query, for: context.principal)
        return .json(page.json("snapshots", snapshots, id: \.id, \.json))
    }

    private func show(_ request: Request, _ context: CallerContext) async throws -> Response {
        _ = try QueryParameters(request, names: [])
        return .json(try await engine.snapshot(try context.snapshotID, for: context.principal).json)
    }

    private func delete(_ request: Request, _ context: CallerContext) async throws -> Response {
        _ = try QueryParameters(request, names: [])
        try await engine.deleteSnapshot(try context.snapshotID, for: context.principal)
        return .noContent
    }
}

/// The body of `POST /v1/sandboxes/{id}/snapshots`.
private struct SnapshotRequest: Sendable {
    /// The longest name.
    private static let maximumLength = 128

    let kind: SnapshotKind
    let name: String?

    init(json: JSONValue) throws(InvalidRequest) {
        var reader = JSONReader(json, at: "")
        let known = SnapshotKind.allCases.map(\.rawValue).joined(separator: " or ")
        kind =
            reader.read("kind", "is not a kind of snapshot", remedy: "use \(known)") {
                $0.stringValue.flatMap(SnapshotKind.init)
            } ?? .filesystem
        name = reader.read("name", "is not a name", remedy: "send 1–\(SnapshotRequest.maximumLength) characters, or leave it out") {
            $0.stringValue.flatMap { (1...SnapshotRequest.maximumLength).contains($0.unicodeScalars.count) ? $0 : nil }
        }
        let problems = reader.finish()
        guard problems.isEmpty else { throw InvalidRequest(problems: problems) }
    }
}
