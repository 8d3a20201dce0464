import NIOCore
import SandstormCore
import SandstormWire

/// The changes in a watched directory. If the connection breaks it is made again, and it is told that something may have been missed.
final class FileWatch: Sendable {
    private let link: SandboxLink
    private let path: String
    private let isRecursive: Bool
    private let user: String?
    private let messages = Locked<ConnectMessages?>(nil)
    /// The last change was that something has lost its name.
    private let isRenaming = Locked(false)

    init(link: SandboxLink, path: String, recursively: Bool, user: String?) {
        self.link = link
        self.path = path
        isRecursive = recursively
        self.user = user
    }

    /// Returns once changes are told.
    func begin() async throws(EnvdFailure) {
        let stream = try await link.stream(
            "filesystem.Filesystem/WatchDir", ["path": .string(path), "recursive": .bool(isRecursive)], as: user)
        switch try await stream.next(within: link.patience.envd) {
        case .message(let payload):
            guard (try? JSONValue(parsing: payload.readableBytesView))?["start"] != nil else {
                throw .garbage("a watch that does not begin")
            }
        case .end(let error): throw error.map { .connect($0, nil) } ?? .garbage("a watch that ends at once")
        case .cut: throw .transport(VendorFailure(.lost, "the connection broke", mayHaveArrived: true))
        }
        messages.withLock { $0 = stream }
    }

    func next() async throws(ProviderError) -> FileChange? {
        while true {
            guard let stream = messages.withLock(\.self) else { return try await beginAgain() }
            let next: ConnectMessages.Next
            do throws(EnvdFailure) {
                next = try await stream.next(within: link.patience.silence)
            } catch {
                if case .transport(let failure) = error, failure.kind == .cancelled {
                    throw ProviderError(.interrupted, "the reader has gone")
                }
                return try await beginAgain()
            }
            guard case .message(let payload) = next else { return try await beginAgain() }
            if let change = change((try? JSONValue(parsing: payload.readableBytesView))?["filesystem"]) { return change }
        }
    }

    private func beginAgain() async throws(ProviderError) -> FileChange {
        messages.withLock { $0 = nil }
        var pause = Duration.milliseconds(200)
        for number in 0..<6 {
            if case .gone = await link.presence() { throw ProviderError(.interrupted, "the sandbox was killed", afterStart: true) }
            do throws(EnvdFailure) {
                try await begin()
                return FileChange(.overflow, path: path)
            } catch {
                let isLast = number == 5
                if isLast { throw await link.error(error, hasBegun: true) }
                if case .connect(let failure, _) = error, failure.code == .notFound { throw FileFailure.error(path, .notFound) }
            }
            do { try await Task.sleep(for: pause) } catch { throw ProviderError(.interrupted, "the reader has gone") }
            pause *= 2
        }
        throw ProviderError(.unavailable, "the directory can't be watched any more")
    }

    private func change(_ json: JSONValue?) -> FileChange? {
        guard let object = json?.objectValue, let name = object["name"]?.stringValue else { return nil }
        var kind: FileChange.Kind
        switch try? ProtobufJSON(object).enumeration("type", FileWatch.types) {
        case 1: kind = .created
        case 2: kind = .modified
        case 3: kind = .removed
        case 4: kind = .renamed
        case 5: kind = .attributes
        // A kind that there is no word for: the directory is to be looked at.
        case 0: return FileChange(.overflow, path: path)
        default: return nil
        }
        // envd tells the old name as renamed and, right after it, the new one as made.
        let hasNewName = isRenaming.withLock { isRenaming in
            defer { isRenaming = kind == .renamed && !isRenaming }
            return isRenaming
        }
        if hasNewName, kind == .created { kind = .renamed }
        return FileChange(
            kind, path: name.isEmpty || name == "." ? path : name.hasPrefix("/") ? name : "\(path == "/" ? "" : path)/\(name)")
    }

    private static let types: KeyValuePairs = [
        "EVENT_TYPE_UNSPECIFIED": 0,
        "EVENT_TYPE_CREATE": 1, "EVENT_TYPE_WRITE": 2, "EVENT_TYPE_REMOVE": 3, "EVENT_TYPE_RENAME": 4, "EVENT_TYPE_CHMOD": 5,
    ]
}
