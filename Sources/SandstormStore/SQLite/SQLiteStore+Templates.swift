import GRDB
package import SandstormCore

#if canImport(FoundationEssentials)
package import FoundationEssentials
#else
package import Foundation
#endif

extension SQLiteStore {
    package func insert(_ build: TemplateBuildRecord, of template: TemplateRecord) async throws(StoreError) -> TemplateRecord {
        try await write { database in
            var known: TemplateRecord?
            if let name = template.names.first {
                known = try TemplateRow.find("names.tenant = ? AND names.name = ?", [template.tenant.rawValue, name], in: database)
            }
            if known == nil { try TemplateRow.insert(template, into: database) }
            var build = build
            build.template = known?.id ?? template.id
            try TemplateBuildRow.insert(build, into: database)
            guard let whole = try TemplateRow.find("templates.id = ?", [build.template.rawValue], in: database) else {
                throw StoreError(.corrupt, "the template that was just written is not there")
            }
            return whole
        }
    }

    package func template(_ id: TemplateID) async throws(StoreError) -> TemplateRecord? {
        try await read { database in try TemplateRow.find("templates.id = ?", [id.rawValue], in: database) }
    }

    package func template(named name: String, tenant: TenantID) async throws(StoreError) -> TemplateRecord? {
        try await read { database in
            try TemplateRow.find("names.tenant = ? AND names.name = ?", [tenant.rawValue, name], in: database)
        }
    }

    package func templates(_ query: TemplateQuery) async throws(StoreError) -> [TemplateRecord] {
        try await read { database in
            try database.rows(
                """
                \(TemplateRow.select) WHERE templates.tenant = :tenant AND (:before IS NULL OR templates.id < :before)
                ORDER BY templates.id DESC LIMIT :limit
                """, ["tenant": query.tenant.rawValue, "before": query.before?.rawValue, "limit": max(0, query.limit)], TemplateRow.record)
        }
    }

    package func setPublic(_ isPublic: Bool, _ template: TemplateID, at date: Date) async throws(StoreError) -> Bool {
        try await write { database in
            try database.change(
                "UPDATE templates SET public = ?, updated_at = ? WHERE id = ?", [isPublic ? 1 : 0, date.milliseconds, template.rawValue])
                == 1
        }
    }

    package func countSpawn(of template: TemplateID, at date: Date) async throws(StoreError) {
        try await write { database in
            _ = try database.change(
                "UPDATE templates SET spawn_count = spawn_count + 1, last_spawned_at = ? WHERE id = ?",
                [date.milliseconds, template.rawValue])
        }
    }

    package func deleteTemplate(_ id: TemplateID) async throws(StoreError) -> Bool {
        try await write { database in
            for sql in [
                "DELETE FROM template_lines WHERE build IN (SELECT id FROM template_builds WHERE template = ?)",
                "DELETE FROM template_tags WHERE template = ?", "DELETE FROM template_builds WHERE template = ?",
                "DELETE FROM template_names WHERE template = ?",
            ] { try database.change(sql, [id.rawValue]) }
            return try database.change("DELETE FROM templates WHERE id = ?", [id.rawValue]) == 1
        }
    }

    // MARK: Builds

    package func build(_ id: TemplateBuildID) async throws(StoreError) -> TemplateBuildRecord? {
        try await read { database in
            try database.row("SELECT * FROM template_builds WHERE id = ?", [id.rawValue]).map(TemplateBuildRow.record)
        }
    }

    package func builds(
        of template: TemplateID, before: TemplateBuildID?, limit: Int
    ) async throws(StoreError) -> [TemplateBuildRecord] {
        try await read { database in
            try database.rows(
                """
                SELECT * FROM template_builds WHERE template = :template AND (:before IS NULL OR id < :before) ORDER BY id DESC LIMIT :limit
                """, ["template": template.rawValue, "before": before?.rawValue, "limit": max(0, limit)], TemplateBuildRow.record)
        }
    }

    package func unfinishedBuilds() async throws(StoreError) -> [TemplateBuildRecord] {
        try await read { database in
            try database.rows("SELECT * FROM template_builds WHERE state = 'building' ORDER BY id", [], TemplateBuildRow.record)
        }
    }

    package func unfinishedBuildCount(tenant: TenantID) async throws(StoreError) -> Int {
        try await read { database in
            let row = try database.row(
                """
                SELECT count(*) AS number FROM template_builds JOIN templates ON templates.id = template_builds.template
                WHERE template_builds.state = 'building' AND templates.tenant = ?
                """, [tenant.rawValue])
            return Int(try row?.integer("number") ?? 0)
        }
    }

    package func begin(_ build: TemplateBuildRecord) async throws(StoreError) -> Bool {
        try await write { database in try TemplateBuildRow.update(build, from: .waiting, to: .building, in: database) }
    }

    package func finish(_ build: TemplateBuildRecord) async throws(StoreError) -> Bool {
        try await write { database in
            let end = build.state == .ready ? TemplateBuildRecord.State.ready : .failed
            guard try TemplateBuildRow.update(build, from: .building, to: end, in: database) else { return false }
            if end == .ready { try TemplateBuildRow.tag(build.tags, build.id, of: build.template, at: build.updatedAt, in: database) }
            try database.change(
                "UPDATE templates SET updated_at = ? WHERE id = ?", [build.updatedAt.milliseconds, build.template.rawValue])
            return true
        }
    }

    package func append(_ lines: [TemplateBuildLine], to build: TemplateBuildID) async throws(StoreError) {
        try await write { database in
            let row = try database.row("SELECT max(number) AS last FROM template_lines WHERE build = ?", [build.rawValue])
            var number = try row?.integerIfAny("last") ?? 0
            for line in lines {
                number += 1
                try database.change(
                    "INSERT INTO template_lines (build, number, time, level, step, message) VALUES (?, ?, ?, ?, ?, ?)",
                    [build.rawValue, number, line.time.milliseconds, line.level, line.step, line.message])
            }
        }
    }

    package func lines(
        of build: TemplateBuildID, from offset: Int, limit: Int, levels: Set<String>
    ) async throws(StoreError) -> [TemplateBuildLine] {
        let filter = levels.isEmpty ? "" : " AND level IN (SELECT value FROM json_each(:levels))"
        return try await read { database in
            var arguments: StatementArguments = ["build": build.rawValue, "limit": max(0, limit), "offset": max(0, offset)]
            if !levels.isEmpty { arguments += ["levels": JSONValue.strings(levels.sorted()).encoded] }
            return try database.rows(
                "SELECT * FROM template_lines WHERE build = :build\(filter) ORDER BY number LIMIT :limit OFFSET :offset", arguments
            ) { row throws(StoreError) in
                TemplateBuildLine(
                    time: try row.date("time"), level: try row.text("level"), step: try row.textIfAny("step"),
                    message: try row.text("message"))
            }
        }
    }

    // MARK: Tags

    package func tags(of template: TemplateID) async throws(StoreError) -> [TemplateTag] {
        try await read { database in
            try database.rows(
                "SELECT * FROM template_tags WHERE template = ? ORDER BY assigned_at, tag", [template.rawValue]
            ) { row throws(StoreError) in
                TemplateTag(tag: try row.text("tag"), build: try row.identifier("build"), assignedAt: try row.date("assigned_at"))
            }
        }
    }

    package func assign(
        _ tags: [String], to build: TemplateBuildID, of template: TemplateID, at date: Date
    ) async throws(StoreError) {
        try await write { database in try TemplateBuildRow.tag(tags, build, of: template, at: date, in: database) }
    }

    package func remove(_ tags: [String], from template: TemplateID) async throws(StoreError) -> Int {
        let encoded = JSONValue.strings(tags).encoded
        return try await write { database in
            try database.change(
                "DELETE FROM template_tags WHERE template = ? AND tag IN (SELECT value FROM json_each(?))", [template.rawValue, encoded])
        }
    }
}
