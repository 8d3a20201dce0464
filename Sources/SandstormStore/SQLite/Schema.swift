import GRDB
import SandstormCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The tables, as a list of numbered steps. A step that was ever released is never edited: a change is a new step.
///
/// Instants are milliseconds since 1970 in UTC, durations milliseconds, amounts nano-dollars.
enum Schema {
    static let migrator: DatabaseMigrator = {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("001 journal", migrate: createJournal)
        migrator.registerMigration("002 living sandboxes") { try $0.execute(sql: sandboxTables) }
        migrator.registerMigration("003 events by run") { try $0.execute(sql: eventsByRun) }
        migrator.registerMigration("004 prices") { try $0.execute(sql: priceTables) }
        migrator.registerMigration("005 routing") { try $0.execute(sql: routingTables) }
        migrator.registerMigration("006 secret and attributes") { try $0.execute(sql: secretAndAttributes) }
        migrator.registerMigration("007 templates, secrets and volumes") { try $0.execute(sql: templateTables + secretTables) }
        return migrator
    }()

    /// Brings the database up to date and gives it an identity and a secret on first use.
    ///
    /// - Throws: `newerSchema`, with nothing written, if a newer version was here.
    static func prepare(_ pool: DatabasePool, now: Date) throws -> (GatewayID, GatewaySecret) {
        let unknown = try pool.read { database in
            let known = try Set(migrator.appliedMigrations(database))
            return try migrator.appliedIdentifiers(database).subtracting(known).max()
        }
        if let unknown {
            throw StoreError(
                .newerSchema,
                "the data directory was written by a newer version (schema \"\(unknown)\"): use that version, or name another directory")
        }
        try migrator.migrate(pool)
        return try pool.write { database in
            try database.change(
                "INSERT INTO gateway (singleton, id, created_at) VALUES (1, ?, ?) ON CONFLICT (singleton) DO NOTHING",
                [GatewayID.generate(at: now).rawValue, now.milliseconds])
            try database.change("UPDATE gateway SET secret = ? WHERE secret IS NULL", [GatewaySecret.randomBytes().blob])
            guard let row = try database.row("SELECT id, secret FROM gateway") else {
                throw StoreError(.corrupt, "the gateway has no identity")
            }
            return (try row.identifier("id"), try row.required("secret", GatewaySecret(row.bytes("secret"))))
        }
    }

    @Sendable private static func createJournal(_ database: Database) throws {
        try database.execute(sql: runTables)
        try database.execute(sql: attemptTables)
        try database.execute(sql: otherTables)
    }

    // Large values are last in a row, or in a table of their own: SQLite then needn't read them for a list, nor write the
    // request anew whenever the state changes.
    private static let runTables = """
        CREATE TABLE runs (
            id TEXT NOT NULL PRIMARY KEY,
            tenant TEXT NOT NULL,
            project TEXT NOT NULL,
            api_key TEXT,
            owner TEXT NOT NULL,
            fingerprint BLOB NOT NULL,
            idempotency_key TEXT,
            state TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            settled_at INTEGER,
            provider TEXT,
            sandbox TEXT,
            exit_code INTEGER,
            signal INTEGER,
            duration INTEGER,
            time_to_first_output INTEGER,
            cost INTEGER NOT NULL DEFAULT 0 CHECK (cost >= 0),
            failure_kind TEXT,
            failure_detail TEXT,
            truncated INTEGER NOT NULL DEFAULT 0 CHECK (truncated IN (0, 1)),
            events_kept INTEGER NOT NULL DEFAULT 1 CHECK (events_kept IN (0, 1)),
            metadata TEXT,
            decision TEXT,
            stdout BLOB,
            stderr BLOB,
            CHECK (settled_at IS NULL OR state IN ('finished', 'failed', 'cancelled')),
            CHECK ((failure_kind IS NULL) = (failure_detail IS NULL))
        ) STRICT;
        CREATE INDEX runs_by_tenant ON runs (tenant, id);
        CREATE INDEX runs_unsettled ON runs (id) WHERE settled_at IS NULL;
        CREATE INDEX runs_to_prune ON runs (settled_at) WHERE events_kept = 1;

        CREATE TABLE run_requests (
            run TEXT NOT NULL PRIMARY KEY REFERENCES runs (id),
            request TEXT NOT NULL
        ) STRICT;

        CREATE TABLE idempotency (
            tenant TEXT NOT NULL,
            key TEXT NOT NULL,
            fingerprint BLOB NOT NULL,
            run TEXT NOT NULL REFERENCES runs (id),
            expires_at INTEGER NOT NULL,
            PRIMARY KEY (tenant, key)
        ) STRICT;
        CREATE INDEX idempotency_by_expiry ON idempotency (expires_at);
        """

    private static let attemptTables = """
        CREATE TABLE attempts (
            id TEXT NOT NULL PRIMARY KEY,
            run TEXT NOT NULL REFERENCES runs (id),
            number INTEGER NOT NULL CHECK (number >= 1),
            sandbox TEXT NOT NULL,
            provider_sandbox TEXT,
            intended_at INTEGER NOT NULL,
            created_at INTEGER,
            started_at INTEGER,
            ended_at INTEGER,
            lease_until INTEGER NOT NULL,
            charge INTEGER NOT NULL DEFAULT 0 CHECK (charge >= 0),
            failure TEXT,
            offer TEXT NOT NULL,
            UNIQUE (run, number)
        ) STRICT;
        CREATE INDEX attempts_open ON attempts (lease_until) WHERE ended_at IS NULL;

        CREATE TABLE charges (
            attempt TEXT NOT NULL PRIMARY KEY REFERENCES attempts (id),
            run TEXT NOT NULL REFERENCES runs (id),
            amount INTEGER NOT NULL CHECK (amount >= 0),
            charged_at INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX charges_by_run ON charges (run);
        CREATE TRIGGER charges_never_change BEFORE UPDATE ON charges
            BEGIN SELECT RAISE(ABORT, 'a charge never changes'); END;
        CREATE TRIGGER charges_never_go BEFORE DELETE ON charges
            BEGIN SELECT RAISE(ABORT, 'a charge is never removed'); END;
        CREATE TRIGGER charges_happen_once BEFORE INSERT ON charges
            WHEN EXISTS (SELECT 1 FROM charges WHERE attempt = NEW.attempt)
            BEGIN SELECT RAISE(ABORT, 'an attempt is charged once'); END;
        """

    private static let sandboxTables = """
        ALTER TABLE runs ADD COLUMN kind TEXT NOT NULL DEFAULT 'program' CHECK (kind IN ('program', 'sandbox'));

        CREATE TABLE sandboxes (
            id TEXT NOT NULL PRIMARY KEY,
            run TEXT NOT NULL UNIQUE REFERENCES runs (id),
            tenant TEXT NOT NULL,
            project TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('creating', 'running', 'paused', 'ended')),
            provider TEXT,
            region TEXT,
            provider_sandbox TEXT,
            created_at INTEGER NOT NULL,
            lease_until INTEGER NOT NULL,
            ended_at INTEGER,
            failure_kind TEXT,
            failure_detail TEXT,
            cost INTEGER NOT NULL DEFAULT 0 CHECK (cost >= 0),
            snapshot TEXT,
            parent TEXT,
            metadata TEXT,
            spec TEXT NOT NULL,
            CHECK ((state = 'ended') = (ended_at IS NOT NULL)),
            CHECK ((failure_kind IS NULL) = (failure_detail IS NULL))
        ) STRICT;
        CREATE INDEX sandboxes_by_tenant ON sandboxes (tenant, id);

        CREATE TABLE snapshots (
            id TEXT NOT NULL PRIMARY KEY,
            tenant TEXT NOT NULL,
            project TEXT NOT NULL,
            sandbox TEXT NOT NULL,
            provider TEXT NOT NULL,
            provider_snapshot TEXT NOT NULL,
            kind TEXT NOT NULL,
            name TEXT,
            created_at INTEGER NOT NULL,
            deleted_at INTEGER
        ) STRICT;
        CREATE INDEX snapshots_by_tenant ON snapshots (tenant, id) WHERE deleted_at IS NULL;
        """

    // One tree instead of two, ordered as it is read. Decisions and settlements are kept once, with their run. That the run is there is
    // checked once for all the events of a write.
    private static let eventsByRun = """
        CREATE TABLE events_by_run (
            run TEXT NOT NULL,
            sequence INTEGER NOT NULL,
            time INTEGER NOT NULL,
            name TEXT NOT NULL,
            data TEXT,
            output BLOB,
            PRIMARY KEY (run, sequence)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO events_by_run SELECT run, sequence, time, name, data, output FROM events;
        DROP TABLE events;
        ALTER TABLE events_by_run RENAME TO events;
        """

    // Prices are never taken back: what was charged at any time must be explainable by them.
    private static let priceTables = """
        CREATE TABLE price_changes (
            sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
            at INTEGER NOT NULL,
            layer TEXT NOT NULL,
            entry TEXT NOT NULL,
            reason TEXT NOT NULL,
            document TEXT
        ) STRICT;
        CREATE TRIGGER price_changes_never_change BEFORE UPDATE ON price_changes
            BEGIN SELECT RAISE(ABORT, 'a change of prices never changes'); END;
        CREATE TRIGGER price_changes_never_go BEFORE DELETE ON price_changes
            BEGIN SELECT RAISE(ABORT, 'a change of prices is never removed'); END;
        CREATE TRIGGER price_changes_happen_once BEFORE INSERT ON price_changes
            WHEN EXISTS (SELECT 1 FROM price_changes WHERE sequence = NEW.sequence)
            BEGIN SELECT RAISE(ABORT, 'a change of prices is written once'); END;

        CREATE TABLE price_feeds (
            key TEXT NOT NULL PRIMARY KEY,
            serial INTEGER NOT NULL,
            digest BLOB NOT NULL,
            expires_at INTEGER NOT NULL,
            accepted_at INTEGER NOT NULL
        ) STRICT;
        """

    // What is worth little is kept lightly: one row that is written over.
    private static let routingTables = """
        CREATE TABLE routing_states (
            gateway TEXT NOT NULL PRIMARY KEY,
            saved_at INTEGER NOT NULL,
            state BLOB NOT NULL
        ) STRICT;
        """

    // Sandboxes that live are few among all that ever were: lists of them have an index of their own.
    private static let secretAndAttributes = """
        ALTER TABLE gateway ADD COLUMN secret BLOB;
        ALTER TABLE sandboxes ADD COLUMN on_lease_end TEXT NOT NULL DEFAULT 'kill' CHECK (on_lease_end IN ('kill', 'pause'));
        ALTER TABLE sandboxes ADD COLUMN kept_since INTEGER;
        ALTER TABLE sandboxes ADD COLUMN attributes TEXT;
        CREATE INDEX sandboxes_living ON sandboxes (tenant, id) WHERE state <> 'ended';
        """

    private static let templateTables = """
        CREATE TABLE templates (
            id TEXT NOT NULL PRIMARY KEY,
            tenant TEXT NOT NULL,
            project TEXT NOT NULL,
            public INTEGER NOT NULL DEFAULT 0 CHECK (public IN (0, 1)),
            created_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL,
            spawn_count INTEGER NOT NULL DEFAULT 0,
            last_spawned_at INTEGER
        ) STRICT;
        CREATE INDEX templates_by_tenant ON templates (tenant, id);

        CREATE TABLE template_names (
            tenant TEXT NOT NULL,
            name TEXT NOT NULL,
            template TEXT NOT NULL REFERENCES templates (id),
            number INTEGER NOT NULL,
            PRIMARY KEY (tenant, name)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX template_names_by_template ON template_names (template);

        CREATE TABLE template_builds (
            id TEXT NOT NULL PRIMARY KEY,
            template TEXT NOT NULL REFERENCES templates (id),
            state TEXT NOT NULL CHECK (state IN ('waiting', 'building', 'ready', 'failed')),
            created_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL,
            finished_at INTEGER,
            failure TEXT,
            failed_step TEXT,
            milli_cpu INTEGER NOT NULL,
            memory INTEGER NOT NULL,
            disk INTEGER NOT NULL,
            snapshot TEXT,
            tags TEXT NOT NULL,
            document TEXT NOT NULL
        ) STRICT;
        CREATE INDEX template_builds_by_template ON template_builds (template, id);
        CREATE INDEX template_builds_unfinished ON template_builds (id) WHERE state = 'building';

        CREATE TABLE template_tags (
            template TEXT NOT NULL REFERENCES templates (id),
            tag TEXT NOT NULL,
            build TEXT NOT NULL REFERENCES template_builds (id),
            assigned_at INTEGER NOT NULL,
            PRIMARY KEY (template, tag)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE template_lines (
            build TEXT NOT NULL REFERENCES template_builds (id),
            number INTEGER NOT NULL,
            time INTEGER NOT NULL,
            level TEXT NOT NULL,
            step TEXT,
            message TEXT NOT NULL,
            PRIMARY KEY (build, number)
        ) STRICT, WITHOUT ROWID;

        """

    private static let secretTables = """
        CREATE TABLE secrets (
            id TEXT NOT NULL PRIMARY KEY,
            tenant TEXT NOT NULL,
            project TEXT NOT NULL,
            name TEXT NOT NULL,
            version INTEGER NOT NULL,
            sealed BLOB NOT NULL,
            metadata TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL,
            UNIQUE (tenant, name)
        ) STRICT;

        CREATE TABLE volumes (
            id TEXT NOT NULL PRIMARY KEY,
            tenant TEXT NOT NULL,
            project TEXT NOT NULL,
            name TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            UNIQUE (tenant, name)
        ) STRICT;
        """

    private static let otherTables = """
        CREATE TABLE gateway (
            singleton INTEGER NOT NULL PRIMARY KEY CHECK (singleton = 1),
            id TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            pings INTEGER NOT NULL DEFAULT 0
        ) STRICT;

        CREATE TABLE events (
            run TEXT NOT NULL REFERENCES runs (id),
            sequence INTEGER NOT NULL,
            time INTEGER NOT NULL,
            name TEXT NOT NULL,
            data TEXT,
            output BLOB,
            PRIMARY KEY (run, sequence),
            CHECK ((name IN ('stdout', 'stderr')) = (data IS NULL))
        ) STRICT;

        CREATE TABLE api_keys (
            id TEXT NOT NULL PRIMARY KEY,
            tenant TEXT NOT NULL,
            project TEXT NOT NULL,
            name TEXT NOT NULL,
            hash BLOB NOT NULL UNIQUE,
            created_at INTEGER NOT NULL,
            revoked_at INTEGER
        ) STRICT;
        """
}
