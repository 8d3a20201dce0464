import GRDB
import SandstormCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A row of `templates`, with its names.
enum TemplateRow {
    static let select = """
        SELECT templates.*, (SELECT json_group_array(name) FROM (SELECT name FROM template_names WHERE template = templates.id \
        ORDER BY number)) AS names, (SELECT count(*) FROM template_builds WHERE template = templates.id) AS builds FROM templates
        """

    static func record(_ row: RowReader) throws(StoreError) -> TemplateRecord {
        let names = try row.required("names", row.json("names").arrayValue).compactMap(\.stringValue)
        var record = TemplateRecord(
            id: try row.identifier("id"), tenant: try row.identifier("tenant"), project: try row.identifier("project"), names: names,
            createdAt: try row.date("created_at"))
        record.isPublic = try row.integer("public") != 0
        record.updatedAt = try row.date("updated_at")
        record.spawnCount = Int(try row.integer("spawn_count"))
        record.lastSpawnedAt = try row.dateIfAny("last_spawned_at")
        record.buildCount = Int(try row.integer("builds"))
        return record
    }

    /// - Parameter condition: about `templates` or their `names`.
    static func find(_ condition: String, _ arguments: StatementArguments, in database: Database) throws -> TemplateRecord? {
        try database.row(
            "\(select) LEFT JOIN template_names AS names ON names.template = templates.id WHERE \(condition) LIMIT 1", arguments
        ).map(record)
    }

    static func insert(_ template: TemplateRecord, into database: Database) throws {
        try database.change(
            """
            INSERT INTO templates (id, tenant, project, public, created_at, updated_at, spawn_count, last_spawned_at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                template.id.rawValue, template.tenant.rawValue, template.project.rawValue, template.isPublic ? 1 : 0,
                template.createdAt.milliseconds, template.updatedAt.milliseconds, template.spawnCount,
                template.lastSpawnedAt?.milliseconds,
            ])
        for (number, name) in template.names.enumerated() {
            try database.change(
                "INSERT INTO template_names (tenant, name, template, number) VALUES (?, ?, ?, ?)",
                [template.tenant.rawValue, name, template.id.rawValue, number])
        }
    }
}

/// A row of `template_builds`.
enum TemplateBuildRow {
    static func record(_ row: RowReader) throws(StoreError) -> TemplateBuildRecord {
        let milliCPU = try row.integer("milli_cpu")
        var build = TemplateBuildRecord(
            id: try row.identifier("id"), template: try row.identifier("template"), createdAt: try row.date("created_at"),
            cpu: Double(milliCPU) / 1000, memory: Int(try row.integer("memory")), disk: Int(try row.integer("disk")),
            tags: try row.required("tags", row.json("tags").arrayValue).compactMap(\.stringValue))
        build.state = try row.required("state", TemplateBuildRecord.State(rawValue: row.text("state")))
        build.updatedAt = try row.date("updated_at")
        build.finishedAt = try row.dateIfAny("finished_at")
        build.failure = try row.textIfAny("failure")
        build.failedStep = try row.textIfAny("failed_step")
        build.snapshot = try row.identifierIfAny("snapshot")
        build.document = try row.required("document", row.json("document").objectValue)
        return build
    }

    static func insert(_ build: TemplateBuildRecord, into database: Database) throws {
        try database.change(
            """
            INSERT INTO template_builds (id, template, state, created_at, updated_at, finished_at, failure, failed_step, milli_cpu, memory,
                disk, snapshot, tags, document)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                build.id.rawValue, build.template.rawValue, build.state.rawValue, build.createdAt.milliseconds,
                build.updatedAt.milliseconds, build.finishedAt?.milliseconds, build.failure, build.failedStep,
                Int64((build.cpu * 1000).rounded()), build.memory, build.disk, build.snapshot?.rawValue,
                JSONValue.strings(build.tags).encoded, JSONValue.object(build.document).encoded,
            ])
    }

    static func update(
        _ build: TemplateBuildRecord, from state: TemplateBuildRecord.State, to next: TemplateBuildRecord.State, in database: Database
    ) throws -> Bool {
        try database.change(
            """
            UPDATE template_builds SET state = ?, updated_at = ?, finished_at = ?, failure = ?, failed_step = ?, milli_cpu = ?, memory = ?,
                disk = ?, snapshot = ?, document = ? WHERE id = ? AND state = ?
            """,
            [
                next.rawValue, build.updatedAt.milliseconds, build.finishedAt?.milliseconds, build.failure, build.failedStep,
                Int64((build.cpu * 1000).rounded()), build.memory, build.disk, build.snapshot?.rawValue,
                JSONValue.object(build.document).encoded, build.id.rawValue, state.rawValue,
            ]) == 1
    }

    static func tag(
        _ tags: [String], _ build: TemplateBuildID, of template: TemplateID, at date: Date, in database: Database
    ) throws {
        for tag in tags {
            try database.change(
                """
                INSERT INTO template_tags (template, tag, build, assigned_at) VALUES (?, ?, ?, ?)
                ON CONFLICT (template, tag) DO UPDATE SET build = excluded.build, assigned_at = excluded.assigned_at
                """, [template.rawValue, tag, build.rawValue, date.milliseconds])
        }
    }
}
