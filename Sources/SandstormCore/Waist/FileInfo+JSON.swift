#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension FileInfo {
    /// The entry in the form of the native API; `mode` is octal digits: `"0644"`.
    public var json: JSONValue {
        var object: JSONObject = [
            "path": .string(path), "name": .string(name), "type": .string(kind.rawValue), "size": .integer(size),
            "mode": .string("0" + String(mode, radix: 8)), "owner": .string(owner), "group": .string(group),
            "modifiedAt": .string(modifiedAt.rfc3339),
        ]
        object["target"] = linkTarget.map(JSONValue.string)
        return .object(object)
    }

    /// Reads an entry in the form of the native API; `nil` if it is none.
    public init?(json: JSONValue) {
        guard let path = json["path"]?.stringValue, let kind = json["type"]?.stringValue.flatMap(Kind.init),
            let mode = json["mode"]?.stringValue.flatMap({ UInt16($0, radix: 8) })
        else { return nil }
        self.init(
            path: path, kind: kind, size: Int64(json["size"]?.intValue ?? 0), mode: mode, owner: json["owner"]?.stringValue ?? "",
            group: json["group"]?.stringValue ?? "",
            modifiedAt: json["modifiedAt"]?.stringValue.flatMap(Date.init(rfc3339:)) ?? .distantPast,
            linkTarget: json["target"]?.stringValue)
    }
}

extension FileChange {
    /// The change in the form of the native API.
    public var json: JSONValue { ["type": .string(kind.rawValue), "path": .string(path)] }

    /// Reads a change in the form of the native API; `nil` for a kind that this version does not know.
    public init?(json: JSONValue) {
        guard let kind = json["type"]?.stringValue.flatMap(Kind.init), let path = json["path"]?.stringValue else { return nil }
        self.init(kind, path: path)
    }
}
