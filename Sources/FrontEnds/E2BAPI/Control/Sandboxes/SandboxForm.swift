import SandstormCore
import SandstormEngine

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Sandboxes as the control plane shows them.
struct SandboxForm: Sendable {
    /// What SDKs are told that speaks on envd's port; they leave out what older ones did not have.
    static let envdVersion = "0.6.13"
    private static let client = "sandstorm"

    let engine: Engine

    /// A sandbox for whoever is to work in it.
    func made(_ info: SandboxInfo) -> JSONValue {
        let note = E2BNote(info)
        var object: JSONObject = [
            "templateID": .string(note.template), "sandboxID": .string(E2BSandboxID.text(of: info.id)),
            "clientID": .string(SandboxForm.client),
            "envdVersion": .string(SandboxForm.envdVersion), "envdAccessToken": .string(engine.sandboxToken(info.id, for: E2BToken.envd)),
            "trafficAccessToken": note.allowsPublicTraffic ? .null : .string(engine.sandboxToken(info.id, for: E2BToken.traffic)),
            "domain": .null,
        ]
        object["alias"] = note.alias.map(JSONValue.string)
        return .object(object)
    }

    /// A sandbox in a list.
    func listed(_ info: SandboxInfo) -> JSONValue { .object(common(info, E2BNote(info))) }

    /// Everything about a sandbox.
    func detail(_ info: SandboxInfo) -> JSONValue {
        let note = E2BNote(info)
        var object = common(info, note)
        object["envdAccessToken"] = .string(engine.sandboxToken(info.id, for: E2BToken.envd))
        object["domain"] = .null
        object["allowInternetAccess"] = note.allowInternetAccess.map(JSONValue.bool)
        object["network"] = note.network
        object["lifecycle"] = ["autoResume": .bool(note.autoResume), "onTimeout": .string(info.onLeaseEnd.rawValue)]
        if info.state == .paused { object["pauseMode"] = .string(note.isPausedWithMemory ? "full" : "filesystem") }
        return .object(object)
    }

    private func common(_ info: SandboxInfo, _ note: E2BNote) -> JSONObject {
        var object: JSONObject = [
            "templateID": .string(note.template), "sandboxID": .string(E2BSandboxID.text(of: info.id)),
            "clientID": .string(SandboxForm.client),
            "startedAt": .string(info.createdAt.rfc3339),
            // The time of one that is kept stands still.
            "endAt": .string((info.keptSince ?? info.leaseUntil).rfc3339), "cpuCount": .integer(SandboxForm.cpuCount(info.spec)),
            "memoryMB": .integer(info.spec.memory), "diskSizeMB": .integer(info.spec.disk * 1024),
            "state": .string(info.state == .paused ? "paused" : "running"), "envdVersion": .string(SandboxForm.envdVersion),
            "metadata": info.spec.metadata.json,
        ]
        object["alias"] = note.alias.map(JSONValue.string)
        return object
    }

    static func cpuCount(_ spec: SandboxSpec) -> Int { max(1, Int(spec.cpu.rounded(.up))) }
}

extension E2BNote {
    /// Whether processes go on when it is woken.
    var isPausedWithMemory: Bool { pauseMode.map { $0 != "filesystem" } ?? autoPauseMemory }
}
