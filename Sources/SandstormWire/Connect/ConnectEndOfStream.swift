package import SandstormCore

/// What a stream's last frame says: `{}` after a success, or why it failed; and trailing metadata.
package struct ConnectEndOfStream: Hashable, Sendable {
    package var error: ConnectError?
    /// Trailers: each name with its values.
    package var metadata: [String: [String]]

    package init(error: ConnectError? = nil, metadata: [String: [String]] = [:]) {
        self.error = error
        self.metadata = metadata
    }

    package var json: JSONValue {
        var object = JSONObject()
        object["error"] = error?.json
        if !metadata.isEmpty {
            var trailers = JSONObject()
            for (name, values) in metadata.sorted(by: { $0.key < $1.key }) { trailers[name] = .strings(values) }
            object["metadata"] = .object(trailers)
        }
        return .object(object)
    }

    /// Reads a last frame's payload; what is not understood in it counts as absent, but an error in whatever form is an error.
    package init(json: JSONValue) {
        if let value = json["error"], value != .null {
            error = ConnectError(json: value) ?? ConnectError(.unknown, value["message"]?.stringValue ?? "")
        }
        metadata = [:]
        for member in json["metadata"]?.objectValue?.members ?? [] {
            metadata[member.key] = member.value.arrayValue?.compactMap(\.stringValue) ?? []
        }
    }
}
