import NIOCore
import SandstormCore
import SandstormEngine
import SandstormWire

/// `POST /files/compose`: several files become one, in order; what they were made of is gone then.
struct FileComposition: Sendable {
    let user: EnvdUser
    let files: any SandboxFiles

    /// Reads the members of the body that say which files.
    func compose(_ body: ProtobufJSON) async throws -> JSONValue {
        let sources = try (body.object["source_paths"] ?? []).arrayValue?.map { value throws in
            guard let text = value.stringValue else { throw ConnectError(.invalidArgument, "source_paths are not all strings") }
            return try user.path(text)
        }
        guard let sources, !sources.isEmpty else { throw ConnectError(.invalidArgument, "source_paths names no file") }
        guard let text = try body.string("destination"), !text.isEmpty else {
            throw ConnectError(.invalidArgument, "destination is missing")
        }
        let destination = try user.path(text)
        for source in sources where try await files.info(source, followingLinks: true).kind != .file {
            throw ConnectError(.invalidArgument, "\(source) is not a regular file")
        }
        try await files.write(destination, from: JoinedFiles(sources, files).bytes, mode: 0o644)
        for source in Set(sources) where source != destination { try await files.remove(source, recursively: false) }
        let info = try await files.info(destination, followingLinks: false)
        return ["path": .string(info.path), "name": .string(info.name), "type": "file"]
    }
}

/// The bytes of several files one after the other.
private actor JoinedFiles {
    private let files: any SandboxFiles
    private var rest: ArraySlice<String>
    private var current: ByteStream?

    init(_ paths: [String], _ files: any SandboxFiles) {
        rest = paths[...]
        self.files = files
    }

    nonisolated var bytes: ByteStream { ByteStream { () async throws(ProviderError) in try await self.next() } }

    private func next() async throws(ProviderError) -> ByteBuffer? {
        while true {
            if let current {
                var iterator = current.makeAsyncIterator()
                if let bytes = try await iterator.next(isolation: nil) { return bytes }
            }
            guard let path = rest.popFirst() else { return nil }
            current = try await files.open(path, range: nil).bytes
        }
    }
}
