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
        let sources = try sources(body)
        let destination = try destination(body)
        for source in sources { try await check(source) }
        try await files.write(destination, from: JoinedFiles(sources, files).bytes, mode: 0o644)
        for source in Set(sources).subtracting([destination]) { try await files.remove(source, recursively: false) }
        let info = try await files.info(destination, followingLinks: false)
        return ["path": .string(info.path), "name": .string(info.name), "type": "file"]
    }

    private func sources(_ body: ProtobufJSON) throws -> [String] {
        var sources: [String] = []
        for value in body.object["source_paths"]?.arrayValue ?? [] {
            guard let text = value.stringValue else { throw ConnectError(.invalidArgument, "source_paths are not all strings") }
            sources.append(try user.path(text))
        }
        guard !sources.isEmpty else { throw ConnectError(.invalidArgument, "source_paths names no file") }
        return sources
    }

    private func destination(_ body: ProtobufJSON) throws -> String {
        guard let text = try body.string("destination"), !text.isEmpty else {
            throw ConnectError(.invalidArgument, "destination is missing")
        }
        return try user.path(text)
    }

    private func check(_ source: String) async throws {
        guard try await files.info(source, followingLinks: true).kind == .file else {
            throw ConnectError(.invalidArgument, "\(source) is not a regular file")
        }
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
