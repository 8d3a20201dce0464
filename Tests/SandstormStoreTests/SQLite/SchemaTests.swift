import Foundation
import GRDB
import SandstormCore
import SandstormTestSupport
import Testing

@testable import SandstormStore

@Suite("Schema") struct SchemaTests {
    @Test("a database that a newer version has written is left alone")
    func newer() async throws {
        let directory = try TemporaryDirectory()
        let store = try SQLiteStore(directory: directory.path)
        try await store.write { try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('999 from the future')") }
        await store.close()
        for _ in 0..<2 {
            let error = #expect(throws: StoreError.self) { try SQLiteStore(directory: directory.path) }
            #expect(error?.kind == .newerSchema)
            #expect(error?.message.contains("999 from the future") == true)
        }
    }

    @Test("migrating again changes nothing")
    func idempotent() async throws {
        let directory = try TemporaryDirectory()
        var schemas: [[String]] = []
        for _ in 0..<2 {
            let store = try SQLiteStore(directory: directory.path)
            let schema = try await store.read { database in
                try String.fetchAll(database, sql: "SELECT sql FROM sqlite_schema WHERE sql NOT NULL ORDER BY name")
            }
            schemas.append(schema)
            await store.close()
        }
        #expect(schemas[0] == schemas[1])
    }

    @Test("what the first schema has kept is there after the second, and can be added to")
    func second() async throws {
        let directory = try TemporaryDirectory()
        let queue = try DatabaseQueue(path: directory.path + "/sandstorm.sqlite")
        try Schema.migrator.migrate(queue, upTo: "001 journal")
        let run = RunRecord.fixture()
        try await queue.write { database in
            try database.execute(
                sql: """
                    INSERT INTO runs (id, tenant, project, owner, fingerprint, state, created_at) VALUES (?, ?, ?, 'o', x'01', 'running', 5)
                    """,
                arguments: [run.result.id.rawValue, run.tenant.rawValue, run.project.rawValue])
            try database.execute(
                sql: "INSERT INTO run_requests VALUES (?, ?)", arguments: [run.result.id.rawValue, run.request.json.encoded])
        }
        try queue.close()
        let store = try SQLiteStore(directory: directory.path)
        let kept = try #require(try await store.runs(RunQuery()).first)
        #expect(kept.result.id == run.result.id && kept.kind == .program)
        let (life, sandbox) = RunRecord.living()
        _ = try await store.accept(life, sandbox)
        #expect(try await store.sandboxes(SandboxQuery()).count == 1)
        await store.close()
    }

    @Test("prices are kept in a database that the step before has made")
    func prices() async throws {
        let directory = try TemporaryDirectory()
        let queue = try DatabaseQueue(path: directory.path + "/sandstorm.sqlite")
        try Schema.migrator.migrate(queue, upTo: "003 events by run")
        try queue.close()
        let store = try SQLiteStore(directory: directory.path)
        let change = PriceChangeRecord(at: .at(1), layer: "shipped", entry: "e2b", document: ["cpu": "1"], reason: "new")
        #expect(try await store.keep([change], of: nil))
        #expect(try await store.priceChanges() == [change])
        await store.close()
    }

    @Test(
        "no statement changes what a price was",
        arguments: [
            "UPDATE price_changes SET document = NULL", "DELETE FROM price_changes",
            "INSERT OR REPLACE INTO price_changes SELECT sequence, 0, layer, entry, reason, NULL FROM price_changes",
        ])
    func priceChanges(sql: String) async throws {
        try await withSQLiteStore { store async throws in
            let change = PriceChangeRecord(at: .at(1), layer: "shipped", entry: "e2b", document: ["cpu": "1"], reason: "new")
            #expect(try await store.keep([change], of: nil))
            let error = await #expect(throws: StoreError.self) { try await store.write { try $0.execute(sql: sql) } }
            #expect(error?.kind == .corrupt)
            #expect(try await store.priceChanges() == [change])
        }
    }

    @Test("what routing has learned is kept in a database that the step before has made")
    func routing() async throws {
        let directory = try TemporaryDirectory()
        let queue = try DatabaseQueue(path: directory.path + "/sandstorm.sqlite")
        try Schema.migrator.migrate(queue, upTo: "004 prices")
        try queue.close()
        let store = try SQLiteStore(directory: directory.path)
        try await store.keep(routingState: [7], at: .at(1))
        #expect(try await store.routingState() == [7])
        await store.close()
    }

    @Test("a database that the step before has made gets a secret, which stays")
    func secret() async throws {
        let directory = try TemporaryDirectory()
        let queue = try DatabaseQueue(path: directory.path + "/sandstorm.sqlite")
        try Schema.migrator.migrate(queue, upTo: "005 routing")
        try await queue.write {
            try $0.execute(sql: "INSERT INTO gateway (singleton, id, created_at) VALUES (1, 'gw_00000000000000000000000000', 0)")
        }
        try queue.close()
        let store = try SQLiteStore(directory: directory.path)
        let key = store.secret.key(for: "test")
        #expect(store.gateway.rawValue == "gw_00000000000000000000000000")
        #expect(key != store.secret.key(for: "another test"))
        #expect("\(store.secret)" == "‹redacted›")
        await store.close()
        let again = try SQLiteStore(directory: directory.path)
        #expect(again.secret.key(for: "test") == key)
        await again.close()
        try await withSQLiteStore { #expect($0.secret.key(for: "test") != key) }
    }

    @Test("a list of the sandboxes that live does not look at those that ended")
    func livingIndex() async throws {
        try await withSQLiteStore { store in
            var query = SandboxQuery()
            query.tenant = .generate()
            query.states = [.running, .paused]
            let plan = try await store.read { [query] database in
                try Row.fetchAll(
                    database,
                    sql: "EXPLAIN QUERY PLAN \(LivingSandboxRow.select)\(SandboxFilter.condition(of: query)) ORDER BY id DESC LIMIT :limit",
                    arguments: SandboxFilter.arguments(of: query) + ["limit": 10]
                ).map { $0["detail"] as String? ?? "" }
            }
            #expect(plan.contains { $0.contains("sandboxes_living") })
            #expect(!plan.contains { $0.contains("TEMP B-TREE") })
        }
    }

    @Test("every table is strict")
    func strict() async throws {
        try await withSQLiteStore { store in
            let lax = try await store.read { database in
                try String.fetchAll(
                    database,
                    sql: "SELECT name FROM pragma_table_list WHERE NOT strict AND name NOT LIKE 'sqlite%' AND name NOT LIKE 'grdb%'")
            }
            #expect(lax.isEmpty)
        }
    }

    @Test("a file that is no database is told from one")
    func garbage() throws {
        let directory = try TemporaryDirectory()
        try Data(repeating: 65, count: 10_000).write(to: directory.url.appendingPathComponent("sandstorm.sqlite"))
        let error = #expect(throws: StoreError.self) { try SQLiteStore(directory: directory.path) }
        #expect(error?.kind == .corrupt)
        #expect(error?.message.contains(directory.path) == true)
    }

    @Test(
        "no statement changes a charge",
        arguments: [
            "UPDATE charges SET amount = 0", "DELETE FROM charges", "INSERT OR REPLACE INTO charges SELECT attempt, run, 0, 0 FROM charges",
            "INSERT INTO charges SELECT attempt, run, 0, 0 FROM charges WHERE true ON CONFLICT DO UPDATE SET amount = 0",
        ])
    func charges(sql: String) async throws {
        try await withSQLiteStore { store in
            let (run, attempts) = try await store.acceptRun(charges: ["$1", .zero])
            #expect(try await store.settle(.finished(run, cost: "$1"), attempts: attempts))
            let error = await #expect(throws: StoreError.self) { try await store.write { try $0.execute(sql: sql) } }
            #expect(error?.kind == .corrupt)
            let amounts = try await store.read { try Int64.fetchAll($0, sql: "SELECT amount FROM charges ORDER BY amount") }
            #expect(amounts == [0, 1_000_000_000])
        }
    }

    @Test("lists walk an index", arguments: ["", " WHERE tenant = 'a'", " WHERE tenant = 'a' AND id < 'b'", " WHERE settled_at IS NULL"])
    func plans(filter: String) async throws {
        try await withSQLiteStore { store in
            let plan = try await store.read { database in
                try Row.fetchAll(database, sql: "EXPLAIN QUERY PLAN \(RunRow.select)\(filter) ORDER BY id DESC LIMIT 5")
                    .map { $0["detail"] as String }
            }
            #expect(!plan.contains { $0.contains("TEMP B-TREE") }, "\(plan)")
            #expect(plan.allSatisfy { $0.contains("USING") }, "\(plan)")
        }
    }

    @Test("lists of sandboxes walk an index", arguments: ["", " WHERE tenant = 'a'", " WHERE tenant = 'a' AND id < 'b'"])
    func sandboxPlans(filter: String) async throws {
        try await withSQLiteStore { store in
            let plan = try await store.read { database in
                try Row.fetchAll(database, sql: "EXPLAIN QUERY PLAN \(LivingSandboxRow.select)\(filter) ORDER BY id DESC LIMIT 5")
                    .map { $0["detail"] as String }
            }
            #expect(!plan.contains { $0.contains("TEMP B-TREE") }, "\(plan)")
            #expect(plan.allSatisfy { $0.contains("USING") }, "\(plan)")
        }
    }

    @Test(
        "what makes no sense is told, not trapped on",
        arguments: [
            "UPDATE runs SET state = 'dancing'", "UPDATE runs SET sandbox = 'nonsense'", "UPDATE runs SET exit_code = 1 << 40",
            "UPDATE runs SET metadata = '{'", "UPDATE run_requests SET request = '{\"spec\": secret'",
            "UPDATE runs SET failure_kind = 'unheard', failure_detail = ''",
        ])
    func nonsense(sql: String) async throws {
        try await withSQLiteStore { store in
            let (run, _) = try await store.acceptRun(charges: [])
            try await store.write { try $0.execute(sql: sql) }
            let error = await #expect(throws: StoreError.self) { try await store.run(run) }
            #expect(error?.kind == .corrupt)
            #expect(error?.message.contains("column") == true)
            #expect(error?.message.contains("secret") == false)
        }
    }
}
