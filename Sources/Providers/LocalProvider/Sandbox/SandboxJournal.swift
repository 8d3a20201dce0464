#if os(Linux)
import Glibc
import SandstormCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What exists of a sandbox on this machine: written before it exists, so that it can be found and removed after any crash.
struct SandboxJournal: Sendable {
    static let fileName = "sandbox.json"

    let id: String
    let tag: SandboxTag
    let createdAt: Date
    /// The sandbox's own directory, which holds the journal.
    let directory: String
    /// The launcher's process.
    var process: ProcessIdentity?
    /// Processes beside it that serve the sandbox: those of its network.
    var helpers: [ProcessIdentity] = []
    var group: ControlGroup?
    /// Where the disk is mounted.
    var mountPoint: String?
    var loopDevice: Int?
    /// The reserved uid's file.
    var slotFile: String?
    /// Where its ports' sockets are, if that is not in its own directory.
    var portsDirectory: String?
    /// A runtime that knows the sandbox under ``id``: its path and its own state directory.
    var runtime: [String]?

    var record: SandboxRecord { SandboxRecord(id: ProviderSandboxID(id), tag: tag, createdAt: createdAt) }
    var diskImage: String { "\(directory)/disk.ext4" }

    func write() throws(SystemError) {
        // Not synced: it has to survive this process, not the machine, whose restart ends all sandboxes by itself.
        try HostFile.replace("\(directory)/\(Self.fileName)", json.encodedBytes, mode: 0o600)
    }

    /// Writes the journal into a directory that gets its name only once the journal is in it.
    func publish() throws(SystemError) {
        let draft = try DraftName.new(in: HostFile.parent(of: directory))
        do throws(SystemError) {
            guard mkdir(draft, 0o711) == 0, chmod(draft, 0o711) == 0 else { throw .current(in: "mkdir \(draft)") }
            try HostFile.create("\(draft)/\(Self.fileName)", json.encodedBytes, mode: 0o600)
            guard rename(draft, directory) == 0 else { throw .current(in: "rename \(draft)") }
        } catch {
            HostFile.removeTree(draft)
            throw error
        }
    }

    private var json: JSONValue {
        var object: JSONObject = [
            "id": .string(id), "gateway": .string(tag.gateway.rawValue), "run": .string(tag.run.rawValue),
            "attempt": .string(tag.attempt.rawValue), "sandbox": .string(tag.sandbox.rawValue),
            "createdAt": .integer(Int64(createdAt.timeIntervalSince1970 * 1000)),
        ]
        func identity(_ process: ProcessIdentity) -> JSONValue {
            ["pid": .integer(process.pid), "startTime": .integer(process.startTime)]
        }
        if let process { object["process"] = identity(process) }
        if !helpers.isEmpty { object["helpers"] = .array(helpers.map(identity)) }
        if let group {
            var directories = JSONObject()
            for (controller, path) in group.directories.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
                directories[controller.rawValue] = .string(path)
            }
            object["controlGroup"] = ["isUnified": .bool(group.isUnified), "directories": .object(directories)]
        }
        object["mountPoint"] = mountPoint.map(JSONValue.string)
        object["loopDevice"] = loopDevice.map { .integer($0) }
        object["slotFile"] = slotFile.map(JSONValue.string)
        object["portsDirectory"] = portsDirectory.map(JSONValue.string)
        object["runtime"] = runtime.map(JSONValue.strings)
        return .object(object)
    }

    init(id: String, tag: SandboxTag, createdAt: Date, directory: String) {
        self.id = id
        self.tag = tag
        self.createdAt = createdAt
        self.directory = directory
    }

    /// Reads the journal in `directory`; nil if there is none.
    init?(in directory: String) {
        guard let bytes = HostFile.read("\(directory)/\(Self.fileName)"), let json = try? JSONValue(parsing: bytes),
            let id = json["id"]?.stringValue,
            let gateway = json["gateway"]?.stringValue.flatMap({ GatewayID($0) }),
            let run = json["run"]?.stringValue.flatMap({ RunID($0) }),
            let attempt = json["attempt"]?.stringValue.flatMap({ AttemptID($0) }),
            let sandbox = json["sandbox"]?.stringValue.flatMap({ SandboxID($0) }), let createdAt = json["createdAt"]?.intValue
        else { return nil }
        self.init(
            id: id, tag: SandboxTag(gateway: gateway, run: run, attempt: attempt, sandbox: sandbox),
            createdAt: Date(timeIntervalSince1970: Double(createdAt) / 1000), directory: directory)
        func identity(_ json: JSONValue?) -> ProcessIdentity? {
            guard let pid = json?["pid"]?.intValue, let startTime = json?["startTime"]?.intValue else { return nil }
            return ProcessIdentity(pid: Int32(clamping: pid), startTime: UInt64(clamping: startTime))
        }
        process = identity(json["process"])
        helpers = (json["helpers"]?.arrayValue ?? []).compactMap(identity)
        if let object = json["controlGroup"], let members = object["directories"]?.objectValue?.members {
            let pairs = members.compactMap { member in
                ControlGroups.Controller(rawValue: member.key).flatMap { key in member.value.stringValue.map { (key, $0) } }
            }
            group = ControlGroup(directories: Dictionary(pairs) { first, _ in first }, isUnified: object["isUnified"]?.boolValue ?? false)
        }
        mountPoint = json["mountPoint"]?.stringValue
        loopDevice = json["loopDevice"]?.intValue
        slotFile = json["slotFile"]?.stringValue
        portsDirectory = json["portsDirectory"]?.stringValue
        runtime = json["runtime"]?.arrayValue?.compactMap(\.stringValue)
    }
}
#endif
