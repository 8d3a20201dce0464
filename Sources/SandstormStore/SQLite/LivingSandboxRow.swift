import GRDB
import SandstormCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A row of `sandboxes`.
enum LivingSandboxRow {
    static let select = """
        SELECT id, run, tenant, project, state, provider, region, provider_sandbox, created_at, lease_until, ended_at, failure_kind, \
        failure_detail, cost, snapshot, parent, on_lease_end, kept_since, spec, attributes FROM sandboxes
        """

    static func record(_ row: RowReader) throws(StoreError) -> LivingSandboxRecord {
        let state = try row.required("state", SandboxState(rawValue: row.text("state")))
        var info = SandboxInfo(
            id: try row.identifier("id"), run: try row.identifier("run"), state: state, spec: SandboxSpec(journaled: try row.json("spec")),
            createdAt: try row.date("created_at"), leaseUntil: try row.date("lease_until"))
        info.provider = try row.textIfAny("provider").map { ProviderID($0) } ?? .none
        info.region = try row.textIfAny("region")
        info.endedAt = try row.dateIfAny("ended_at")
        if let kind = try row.textIfAny("failure_kind") {
            info.failure = RunFailure(try row.required("failure_kind", RunFailure.Kind(rawValue: kind)), try row.text("failure_detail"))
        }
        info.cost = try row.money("cost")
        info.snapshot = try row.identifierIfAny("snapshot")
        info.parent = try row.identifierIfAny("parent")
        info.onLeaseEnd = try row.required("on_lease_end", LeaseEnd(rawValue: row.text("on_lease_end")))
        info.keptSince = try row.dateIfAny("kept_since")
        info.attributes = try row.jsonIfAny("attributes")?.objectValue ?? [:]
        return LivingSandboxRecord(
            info: info, tenant: try row.identifier("tenant"), project: try row.identifier("project"),
            providerSandbox: try row.textIfAny("provider_sandbox").map { ProviderSandboxID($0) })
    }

    /// Inserts a sandbox that is being made. Its files are not kept.
    static func insert(_ record: LivingSandboxRecord, into database: Database) throws {
        let info = record.info
        var spec = info.spec
        spec.files = []
        try database.change(
            """
            INSERT INTO sandboxes (id, run, tenant, project, state, created_at, lease_until, snapshot, parent, metadata, spec,
                on_lease_end, attributes)
            VALUES (:id, :run, :tenant, :project, :state, :createdAt, :leaseUntil, :snapshot, :parent, :metadata, :spec,
                :onLeaseEnd, :attributes)
            """,
            [
                "id": info.id.rawValue, "run": info.run.rawValue, "tenant": record.tenant.rawValue, "project": record.project.rawValue,
                "state": info.state.rawValue, "createdAt": info.createdAt.milliseconds, "leaseUntil": info.leaseUntil.milliseconds,
                "snapshot": info.snapshot?.rawValue, "parent": info.parent?.rawValue,
                "metadata": spec.metadata.isEmpty ? nil : spec.metadata.json.encoded, "spec": spec.json.encoded,
                "onLeaseEnd": info.onLeaseEnd.rawValue, "attributes": encoded(info.attributes),
            ])
    }

    /// What front ends noted down, as a column's value.
    static func encoded(_ attributes: JSONObject) -> String? {
        attributes.members.isEmpty ? nil : JSONValue.object(attributes).encoded
    }

    /// - Returns: `false` if it has ended or is unknown.
    static func update(_ record: LivingSandboxRecord, in database: Database) throws -> Bool {
        let info = record.info
        var spec = info.spec
        spec.files = []
        return try database.change(
            """
            UPDATE sandboxes SET state = :state, provider = :provider, region = :region, provider_sandbox = :providerSandbox,
                lease_until = :leaseUntil, kept_since = :keptSince, on_lease_end = :onLeaseEnd, spec = :spec
            WHERE id = :id AND state <> 'ended'
            """,
            [
                "id": info.id.rawValue, "state": info.state.rawValue, "provider": info.provider == .none ? nil : info.provider.rawValue,
                "region": info.region, "providerSandbox": record.providerSandbox?.rawValue,
                "leaseUntil": info.leaseUntil.milliseconds, "keptSince": info.keptSince?.milliseconds,
                "onLeaseEnd": info.onLeaseEnd.rawValue, "spec": spec.json.encoded,
            ]) == 1
    }

    /// What ends the sandbox whose life the run was, if it was one. That somebody asked for the end is no failure.
    static func end(_ result: RunResult, at date: Date) -> Change {
        let failure = result.failure.flatMap { $0.kind == .cancelled ? nil : $0 }
        return Change(
            """
            UPDATE sandboxes SET state = 'ended', ended_at = ?, failure_kind = ?, failure_detail = ?, cost = ? WHERE run = ?
            """,
            [date.milliseconds, failure?.kind.rawValue, failure?.detail, result.cost.nanodollars, result.id.rawValue])
    }
}
