import GRDB
import SandstormCore

/// A query for sandboxes as a condition in SQL: one fixed text for each combination of what is asked for, so that SQLite picks the
/// index for it.
enum SandboxFilter {
    static func condition(of query: SandboxQuery) -> String {
        var conditions: [String] = []
        if query.tenant != nil { conditions.append("tenant = :tenant") }
        if query.before != nil { conditions.append("id < :before") }
        if query.after != nil { conditions.append("id > :after") }
        if query.createdFrom != nil { conditions.append("created_at >= :createdFrom") }
        if query.createdBefore != nil { conditions.append("created_at < :createdBefore") }
        if !query.states.isEmpty {
            conditions.append("state IN (SELECT value FROM json_each(:states))")
            // Said once more in these words, which are those of the index of sandboxes that live: few among all that ever were.
            if !query.states.contains(.ended) { conditions.append("state <> 'ended'") }
        }
        if !query.metadata.isEmpty {
            // Every label that is asked for is among the sandbox's, with the same value.
            conditions.append(
                """
                NOT EXISTS (SELECT 1 FROM json_each(:metadata) AS wanted WHERE NOT EXISTS (SELECT 1 FROM json_each(sandboxes.metadata) \
                AS label WHERE label.key = wanted.key AND label.value = wanted.value))
                """)
        }
        if query.withoutAttribute != nil { conditions.append("json_extract(attributes, :without) IS NULL") }
        for index in query.attributes.indices { conditions.append("json_extract(attributes, :path\(index)) = :value\(index)") }
        return conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
    }

    static func arguments(of query: SandboxQuery) -> StatementArguments {
        var arguments: StatementArguments = [:]
        if let tenant = query.tenant { arguments += ["tenant": tenant.rawValue] }
        if let before = query.before { arguments += ["before": before.rawValue] }
        if let after = query.after { arguments += ["after": after.rawValue] }
        if let date = query.createdFrom { arguments += ["createdFrom": date.milliseconds] }
        if let date = query.createdBefore { arguments += ["createdBefore": date.milliseconds] }
        if !query.states.isEmpty { arguments += ["states": JSONValue.strings(query.states.map(\.rawValue).sorted()).encoded] }
        if !query.metadata.isEmpty { arguments += ["metadata": query.metadata.json.encoded] }
        if let name = query.withoutAttribute { arguments += ["without": "$.\"\(name)\""] }
        for (index, attribute) in query.attributes.enumerated() {
            let path = attribute.path.map { ".\"\($0)\"" }.joined()
            arguments += ["path\(index)": "$" + path, "value\(index)": attribute.value]
        }
        return arguments
    }
}
