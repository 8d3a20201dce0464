import SandstormCore
import SandstormStore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Templates as the control plane shows them.
enum TemplateForm {
    /// The build of a template that was never built here.
    private static let noBuild = "00000000-0000-0000-0000-000000000000"

    /// A template of a tenant.
    ///
    /// - Parameters:
    ///   - build: the one that shows its resources, if there is any.
    ///   - latest: the one whose state is its state.
    static func json(
        _ record: TemplateRecord, _ build: TemplateBuildRecord?, latest: TemplateBuildRecord?, for namespace: String
    ) -> JSONObject {
        let shown = build ?? latest
        return [
            "templateID": .string(PlainID.text(record.id)), "buildID": .string(shown.map { BuildIDText.text($0.id) } ?? noBuild),
            "cpuCount": .integer(shown.map { cpuCount($0.cpu) } ?? 0), "memoryMB": .integer(shown?.memory ?? 0),
            "diskSizeMB": .integer((shown?.disk ?? 0) * 1024), "public": .bool(record.isPublic), "aliases": .strings(record.names),
            "names": .strings(record.names.map { "\(namespace)/\($0)" }), "createdAt": .string(record.createdAt.rfc3339),
            "updatedAt": .string(record.updatedAt.rfc3339), "createdBy": .null,
            "lastSpawnedAt": record.lastSpawnedAt.map { .string($0.rfc3339) } ?? .null, "spawnCount": .integer(record.spawnCount),
            "buildCount": .integer(record.buildCount), "envdVersion": .string(SandboxForm.envdVersion),
            "buildStatus": .string(latest.map { status($0.state) } ?? "waiting"),
        ]
    }

    /// A template of the configuration.
    static func json(_ base: TemplateBase) -> JSONObject {
        let since = Date(timeIntervalSince1970: 0).rfc3339
        return [
            "templateID": .string(base.id), "buildID": .string(noBuild), "cpuCount": .integer(cpuCount(base.cpu)),
            "memoryMB": .integer(base.memory), "diskSizeMB": .integer(base.disk * 1024), "public": true, "aliases": .strings([base.id]),
            "names": .strings([base.id]), "createdAt": .string(since), "updatedAt": .string(since), "createdBy": .null,
            "lastSpawnedAt": .null, "spawnCount": 0, "buildCount": 1, "envdVersion": .string(SandboxForm.envdVersion),
            "buildStatus": "ready", "isDefault": true,
        ]
    }

    static func json(_ build: TemplateBuildRecord) -> JSONValue {
        var object: JSONObject = [
            "buildID": .string(BuildIDText.text(build.id)), "status": .string(status(build.state)),
            "createdAt": .string(build.createdAt.rfc3339), "updatedAt": .string(build.updatedAt.rfc3339),
            "cpuCount": .integer(cpuCount(build.cpu)), "memoryMB": .integer(build.memory), "diskSizeMB": .integer(build.disk * 1024),
            "envdVersion": .string(SandboxForm.envdVersion),
        ]
        object["finishedAt"] = build.finishedAt.map { .string($0.rfc3339) }
        return .object(object)
    }

    static func json(_ line: TemplateBuildLine) -> JSONValue {
        var object: JSONObject = [
            "timestamp": .string(line.time.rfc3339), "message": .string(line.message), "level": .string(line.level),
        ]
        object["step"] = line.step.map(JSONValue.string)
        return .object(object)
    }

    static func status(_ state: TemplateBuildRecord.State) -> String {
        switch state {
        case .waiting: "waiting"
        case .building: "building"
        case .ready: "ready"
        case .failed: "error"
        }
    }

    private static func cpuCount(_ cpu: Double) -> Int { max(1, Int(cpu.rounded(.up))) }
}
