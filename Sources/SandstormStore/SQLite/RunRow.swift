import GRDB
import SandstormCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The rows of `runs` and `run_requests` that are one run.
enum RunRow {
    /// Without the outputs and the decision.
    static let select = "SELECT \(columns), request FROM runs JOIN run_requests ON run_requests.run = runs.id"

    /// With everything.
    static let selectWhole =
        "SELECT \(columns), request, decision, stdout, stderr FROM runs JOIN run_requests ON run_requests.run = runs.id"

    /// What has become of the run, without the outputs.
    static let selectResult = "SELECT \(columns), decision FROM runs"

    private static let columns = """
        id, kind, tenant, project, api_key, owner, fingerprint, idempotency_key, state, created_at, settled_at, provider, sandbox, \
        exit_code, signal, duration, time_to_first_output, cost, failure_kind, failure_detail, truncated, metadata
        """

    static func record(_ row: RowReader) throws(StoreError) -> RunRecord {
        RunRecord(
            kind: try row.required("kind", RunRecord.Kind(rawValue: row.text("kind"))), result: try result(row),
            tenant: try row.identifier("tenant"), project: try row.identifier("project"),
            key: try row.identifierIfAny("api_key"), request: try request(row), fingerprint: try row.bytes("fingerprint"),
            owner: try row.text("owner"))
    }

    private static func request(_ row: RowReader) throws(StoreError) -> RunRequest {
        let json = try row.json("request")
        var request = RunRequest(journaled: json)
        // Not part of the JSON: callers send it in a header.
        request.idempotencyKey = try row.textIfAny("idempotency_key")
        return request
    }

    static func result(_ row: RowReader) throws(StoreError) -> RunResult {
        let state = try row.required("state", RunState(rawValue: row.text("state")))
        var result = RunResult(id: try row.identifier("id"), state: state, createdAt: try row.date("created_at"))
        result.isSettled = try row.integerIfAny("settled_at") != nil
        result.provider = try row.textIfAny("provider").map { ProviderID($0) } ?? .none
        result.sandbox = try row.identifierIfAny("sandbox")
        if let code = try row.integerIfAny("exit_code") { result.exitCode = try row.required("exit_code", Int32(exactly: code)) }
        if let number = try row.integerIfAny("signal") {
            result.signal = Signal(rawValue: try row.required("signal", Int32(exactly: number)))
        }
        result.stdoutBytes = try row.bytes("stdout")
        result.stderrBytes = try row.bytes("stderr")
        result.truncated = try row.integer("truncated") != 0
        result.duration = try row.durationIfAny("duration")
        result.timeToFirstOutput = try row.durationIfAny("time_to_first_output")
        result.cost = try row.money("cost")
        result.decision = try row.jsonIfAny("decision").map { Decision(json: $0) }
        if let kind = try row.textIfAny("failure_kind") {
            result.failure = RunFailure(try row.required("failure_kind", RunFailure.Kind(rawValue: kind)), try row.text("failure_detail"))
        }
        for member in try row.jsonIfAny("metadata")?.objectValue?.members ?? [] {
            result.metadata[member.key] = member.value.stringValue
        }
        return result
    }

    /// What inserts a run as it was accepted, neither settled nor billed.
    static func insertion(_ run: RunRecord) -> [Change] {
        let result = run.result
        return [
            Change(
                """
                INSERT INTO runs (id, kind, tenant, project, api_key, owner, fingerprint, idempotency_key, state, created_at, metadata, decision)
                VALUES (?, ?, ?, ?, ?, ?, COALESCE(?, zeroblob(0)), ?, ?, ?, ?, ?)
                """,
                [
                    result.id.rawValue, run.kind.rawValue, run.tenant.rawValue, run.project.rawValue, run.key?.rawValue, run.owner,
                    run.fingerprint.blob, run.request.idempotencyKey, result.state.rawValue, result.createdAt.milliseconds,
                    result.metadata.isEmpty ? nil : result.metadata.json.encoded, result.decision?.json.encoded,
                ]),
            Change("INSERT INTO run_requests (run, request) VALUES (?, ?)", [result.id.rawValue, run.request.json.encoded]),
        ]
    }

    /// Moves a run to a state that is not final; one whose state is final stays as it is.
    ///
    /// - Throws: `corrupt` for an unknown run.
    static func set(_ state: RunState, of run: RunID, in database: Database) throws {
        let changed = try database.change(
            """
            UPDATE runs SET state = ? WHERE id = ? AND settled_at IS NULL AND state NOT IN ('finished', 'failed', 'cancelled')
            """, [state.rawValue, run.rawValue])
        if changed == 0 { _ = try SQLiteStore.isSettled(run, in: database) }
    }

    /// What writes how a run ended; it changes nothing if the run was settled before or is unknown.
    static func settling(_ result: RunResult, at now: Date) -> Change {
        Change(
            """
            UPDATE runs SET state = ?, settled_at = ?, provider = ?, sandbox = ?, exit_code = ?, signal = ?, duration = ?,
                time_to_first_output = ?, cost = ?, failure_kind = ?, failure_detail = ?, truncated = ?, stdout = ?, stderr = ?
            WHERE id = ? AND settled_at IS NULL
            """,
            [
                result.state.rawValue, now.milliseconds, result.provider == .none ? nil : result.provider.rawValue,
                result.sandbox?.rawValue, result.exitCode, result.signal?.rawValue, result.duration?.wholeMilliseconds,
                result.timeToFirstOutput?.wholeMilliseconds, result.cost.nanodollars, result.failure?.kind.rawValue,
                result.failure?.detail, result.truncated, result.stdoutBytes.blob, result.stderrBytes.blob, result.id.rawValue,
            ])
    }
}
