import HummingbirdCore
import NIOCore
import SandstormCore
import SandstormEngine
import SandstormWire

/// `filesystem.Filesystem`: files and directories of one sandbox, but for what is in them.
struct FilesystemService: Sendable {
    let engine: Engine
    let watchers: Watchers

    /// As whom a call is made, and what it works on.
    private struct Scope: Sendable {
        let user: EnvdUser
        let files: any SandboxFiles
        let metadata: FileMetadata
    }

    private func scope(_ call: ConnectCall) async throws -> Scope {
        let user = try await EnvdUser(named: EnvdUser.name(in: call.request.headers), in: call.sandbox, engine)
        let files = try await engine.files(of: call.sandbox.id, as: user.engineName, for: call.sandbox.principal)
        return Scope(user: user, files: files, metadata: FileMetadata(of: call.sandbox))
    }

    func stat(_ message: ProtobufJSON, _ call: ConnectCall) async throws -> JSONValue {
        let scope = try await scope(call)
        return try await entry(scope.user.path(message.string("path") ?? ""), scope)
    }

    func makeDirectory(_ message: ProtobufJSON, _ call: ConnectCall) async throws -> JSONValue {
        let scope = try await scope(call)
        let path = try scope.user.path(message.string("path") ?? "")
        let isNew: Bool
        do throws(ProviderError) {
            isNew = try await scope.files.makeDirectory(path, mode: 0o755)
        } catch {
            // A file is in the way, which is not what an SDK takes `already_exists` for.
            guard error.fileProblem == .exists else { throw error }
            throw ConnectError(.invalidArgument, error.message)
        }
        guard isNew else { throw ConnectError(.alreadyExists, "the directory \(path) is there already") }
        return try await entry(path, scope)
    }

    func move(_ message: ProtobufJSON, _ call: ConnectCall) async throws -> JSONValue {
        let scope = try await scope(call)
        let source = try scope.user.path(message.string("source") ?? "")
        let destination = try scope.user.path(message.string("destination") ?? "")
        _ = try await scope.files.info(source, followingLinks: false)
        let parent = destination.split(separator: "/").dropLast().joined(separator: "/")
        if !parent.isEmpty { _ = try await scope.files.makeDirectory("/" + parent, mode: 0o755) }
        try await scope.files.move(source, to: destination, replacing: true)
        let changes = source == destination ? [:] : scope.metadata.moving(source, to: destination)
        try await engine.note(changes, in: call.sandbox)
        let moved = FileMetadata(of: call.sandbox, with: changes)
        return ["entry": try await EntryInfo(destination, in: scope.files, metadata: moved).json]
    }

    func list(_ message: ProtobufJSON, _ call: ConnectCall) async throws -> JSONValue {
        let scope = try await scope(call)
        let path = try scope.user.path(message.string("path") ?? "")
        let depth: UInt32 = try message.integer("depth") ?? 1
        guard try await scope.files.info(path, followingLinks: true).kind == .directory else {
            throw ConnectError(.invalidArgument, "\(path) is not a directory")
        }
        var entries: [JSONValue] = []
        for info in try await scope.files.list(path, depth: max(1, Int(depth))) {
            entries.append(try await EntryInfo(info, in: scope.files, metadata: scope.metadata).json)
        }
        return entries.isEmpty ? [:] : ["entries": .array(entries)]
    }

    /// Removing what is not there succeeds.
    func remove(_ message: ProtobufJSON, _ call: ConnectCall) async throws -> JSONValue {
        let scope = try await scope(call)
        let path = try scope.user.path(message.string("path") ?? "")
        do throws(ProviderError) {
            try await scope.files.remove(path, recursively: true)
        } catch {
            guard error.fileProblem == .notFound else { throw error }
        }
        try await engine.note(scope.metadata.removing(path), in: call.sandbox)
        return [:]
    }

    private func entry(_ path: String, _ scope: Scope) async throws -> JSONValue {
        ["entry": try await EntryInfo(path, in: scope.files, metadata: scope.metadata).json]
    }

    // MARK: Watching

    private func watch(_ message: ProtobufJSON, _ call: ConnectCall) async throws -> DirectoryWatch {
        let scope = try await scope(call)
        let path = try scope.user.path(message.string("path") ?? "")
        guard try await scope.files.info(path, followingLinks: true).kind == .directory else {
            throw ConnectError(.invalidArgument, "\(path) is not a directory")
        }
        let changes = try await scope.files.watch(path, recursively: message.bool("recursive") ?? false)
        return DirectoryWatch(
            path: path, changes: changes, files: scope.files, metadata: scope.metadata,
            includesEntries: try message.bool("includeEntry") ?? false)
    }

    /// Tells of changes as they happen, after a first message from which on none is missed.
    func watchDirectory(_ message: ProtobufJSON, _ deadline: Deadline, _ call: ConnectCall) async throws -> ConnectMessages {
        let watch = try await watch(message, call)
        let isBegun = Locked(false)
        return ConnectMessages {
            let isFirst = isBegun.withLock { isBegun in
                defer { isBegun = true }
                return !isBegun
            }
            if isFirst { return ByteBuffer(string: #"{"start":{}}"#) }
            return try await deadline.limit {
                guard let event = try await watch.next() else { throw ConnectError(.unavailable, "the directory is not watched any more") }
                return ByteBuffer(bytes: JSONValue.object(["filesystem": event]).encodedBytes)
            }
        }
    }

    static let keepalive: JSONValue = ["keepalive": [:]]

    func createWatcher(_ message: ProtobufJSON, _ call: ConnectCall) async throws -> JSONValue {
        ["watcherId": .string(try watchers.add(try await watch(message, call), in: call.sandbox.id))]
    }

    func watcherEvents(_ message: ProtobufJSON, _ call: ConnectCall) throws -> JSONValue {
        let events = try watchers.drain(message.string("watcherId") ?? "", in: call.sandbox.id)
        return events.isEmpty ? [:] : ["events": .array(events)]
    }

    func removeWatcher(_ message: ProtobufJSON, _ call: ConnectCall) async throws -> JSONValue {
        try await watchers.remove(message.string("watcherId") ?? "", in: call.sandbox.id)
        return [:]
    }
}
