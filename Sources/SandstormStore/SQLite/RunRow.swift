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
    static let select = "SELECT \(columns) FROM runs JOIN run_requests ON run_requests.run = runs.id"

    /// With everything.
    static let selectWhole =
        "SELECT \(columns), decision, stdout, stderr FROM runs JOIN run_requests ON run_requests.run = runs.id"

    private static let columns = """
        id, kind, tenant, project, api_key, owner, fingerprint, idempotency_key, state, created_at, settled_at, provider, sandbox, \
        exit_code, signal, duration, time_to_first_output, cost, failure_kind, failure_detail, truncated, metadata, request
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

    private static func result(_ row: RowReader) throws(StoreError) -> RunResult {
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

    /// Inserts a run as it was accepted, neither settled nor billed.
    static func insert(_ run: RunRecord, into database: Database) throws {
        let result = run.result
        try database.change(
            """
            INSERT INTO runs (id, kind, tenant, project, api_key, owner, fingerprint, idempotency_key, state, created_at, metadata)
            VALUES (:id, :kind, :tenant, :project, :key, :owner, COALESCE(:fingerprint, zeroblob(0)), :idempotencyKey, :state, :createdAt, \
            :metadata)
            """,
            [
                "id": result.id.rawValue, "kind": run.kind.rawValue, "tenant": run.tenant.rawValue, "project": run.project.rawValue,
                "key": run.key?.rawValue, "owner": run.owner, "fingerprint": run.fingerprint.blob,
                "idempotencyKey": run.request.idempotencyKey, "state": result.state.rawValue,
                "createdAt": result.createdAt.milliseconds,
                "metadata": result.metadata.isEmpty ? nil : result.metadata.json.encoded,
            ])
        try database.change(
            "INSERT INTO run_requests (run, request) VALUES (?, ?)", [result.id.rawValue, run.request.json.encoded])
    }

    /// Writes how a run ended.
    ///
    /// - Returns: `false`, with nothing written, if it was settled before or is unknown.
    static func settle(_ result: RunResult, at now: Date, in database: Database) throws -> Bool {
        try database.change(
            """
            UPDATE runs SET state = :state, settled_at = :now, provider = :provider, sandbox = :sandbox, exit_code = :exitCode,
                signal = :signal, duration = :duration, time_to_first_output = :timeToFirstOutput, cost = :cost,
                failure_kind = :failureKind, failure_detail = :failureDetail, truncated = :truncated, decision = :decision,
                stdout = :stdout, stderr = :stderr
            WHERE id = :id AND settled_at IS NULL
            """,
            [
                "id": result.id.rawValue, "state": result.state.rawValue, "now": now.milliseconds,
                "provider": result.provider == .none ? nil : result.provider.rawValue, "sandbox": result.sandbox?.rawValue,
                "exitCode": result.exitCode,
                "signal": result.signal?.rawValue, "duration": result.duration?.wholeMilliseconds,
                "timeToFirstOutput": result.timeToFirstOutput?.wholeMilliseconds, "cost": result.cost.nanodollars,
                "failureKind": result.failure?.kind.rawValue, "failureDetail": result.failure?.detail,
                "truncated": result.truncated, "decision": result.decision?.json.encoded,
                "stdout": result.stdoutBytes.blob, "stderr": result.stderrBytes.blob,
            ]) == 1
    }
}
