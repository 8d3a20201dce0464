import CLinux
import Glibc

/// What changes in a directory, and in those below it if asked for.
///
/// When the gateway takes no more, nothing more is read from the kernel, which merges equal changes and in the end drops them and says so: then
/// so do we.
final class WatchChannel: Channel {
    /// A directory that is looked through for subdirectories to watch.
    private struct Scan {
        let directory: DirectoryStream
        let path: [UInt8]
        /// It is new, and so is what is in it.
        let isNew: Bool
    }

    /// A subdirectory that has lost its name and may get another one in the next event.
    private struct Departure {
        let cookie: UInt32
        let path: [UInt8]
    }

    private static let pendingLimit = 64 * 1024
    private static let scanLimit = 64
    private static let deepest = 256
    private static let interests =
        UInt32(IN_CREATE | IN_DELETE | IN_MODIFY | IN_ATTRIB | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF)

    let id: UInt32
    var isQueued = false

    private let path: FilePath
    private let isRecursive: Bool
    private let puts: RecentPuts
    private let outbound: Outbound
    private let inotify: Descriptor
    private var root: Int32 = -1
    /// By the kernel's numbers; paths are relative to the watched directory, which is the empty one.
    private var directories: [Int32: [UInt8]] = [:]
    private var scans: [Scan] = []
    /// Told by a scan. The kernel may tell of them once more.
    private var told: Set<[UInt8]> = []
    private var departure: Departure?
    private var temporary: (cookie: UInt32, name: [UInt8])?

    private var window = AgentSendWindow()
    private var pending: [UInt8] = []
    /// Of what is pending, the files whose content has changed: once is enough.
    private var modified: Set<[UInt8]> = []
    private var hasOverflowed = false
    private var isReady = false
    private var isReadable = true
    private var isGone = false

    init(id: UInt32, _ request: AgentPathRequest, puts: RecentPuts, poller: Poller, outbound: Outbound) throws(AgentFailure) {
        self.id = id
        self.puts = puts
        self.outbound = outbound
        path = try FilePath(request.path)
        try request.allow(.recursive)
        isRecursive = request.flags.contains(.recursive)
        do throws(SystemError) {
            guard FilePath.isDirectory(path.bytes) else {
                _ = try stat(of: path.bytes, in: AT_FDCWD, flags: 0)
                throw SystemError(ENOTDIR, in: path.bytes.forPeople)
            }
            let number = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
            guard number >= 0 else { throw .current(in: "inotify") }
            inotify = Descriptor(owning: number)
            try poller.add(inotify, as: Poller.Token(channel: id, role: 0))
            root = try watch([])
            if isRecursive { try scan([], isNew: false) }
        } catch {
            throw Self.failure(error, path)
        }
    }

    /// Instances and watches are the sandbox's to use up, and no disk's.
    private static func failure(_ error: SystemError, _ path: FilePath) -> AgentFailure {
        guard error.code == ENOSPC || error.code == EMFILE || error.code == ENFILE else { return path.failure(error) }
        let message = "\(path.bytes.forPeople): the sandbox may not watch any more directories"
        return AgentFailure(errno: error.code, stage: .resources, message: message)
    }

    func receive(_ message: AgentMessage) -> ChannelState {
        switch message {
        case .credit(let bytes):
            do throws(AgentProtocolError) {
                try window.grant(bytes)
                return .ready
            } catch {
                return fail(.violation(error.description))
            }
        case .cancel: return .closed
        default: return fail(.unexpected(message))
        }
    }

    func note(_ event: Poller.Event) -> ChannelState {
        isReadable = true
        return .ready
    }

    func pump() -> ChannelState {
        if !scans.isEmpty {
            for _ in 0..<Self.scanLimit where !scans.isEmpty && hasRoom {
                if let failure = scanNext() { return fail(failure) }
            }
        } else if !isReady {
            isReady = true
            outbound.send(.ready, on: id)
        } else if isReadable, hasRoom, !isGone {
            readEvents()
        }
        let count = min(pending.count, window.available, AgentProtocol.maximumDataLength)
        if isReady, count > 0 {
            outbound.send(.data(Array(pending[..<count])), on: id)
            pending.removeSubrange(..<count)
            // Not more than was available was asked for, so this cannot fail.
            try? window.spend(count)
            if pending.isEmpty {
                modified.removeAll()
                hasOverflowed = false
            }
        }
        if isGone, pending.isEmpty {
            outbound.send(.end, on: id)
            return .closed
        }
        let hasMore = !scans.isEmpty || !isReady || (isReadable && !isGone)
        return (hasMore && hasRoom) || (!pending.isEmpty && window.available > 0) ? .ready : .waiting
    }

    func abandon() {}

    private var hasRoom: Bool { pending.count < Self.pendingLimit }

    private func fail(_ failure: AgentFailure) -> ChannelState {
        outbound.send(.failed(failure), on: id)
        return .closed
    }

    // MARK: Directories

    private func absolute(_ relative: [UInt8]) -> [UInt8] {
        relative.isEmpty ? path.bytes : path.bytes + [UInt8(ascii: "/")] + relative
    }

    @discardableResult
    private func watch(_ relative: [UInt8]) throws(SystemError) -> Int32 {
        let flags = UInt32(IN_ONLYDIR) | (relative.isEmpty ? 0 : UInt32(IN_DONT_FOLLOW))
        let number = absolute(relative).withCString { inotify_add_watch(inotify.number, $0, Self.interests | flags) }
        guard number >= 0 else { throw .current(in: absolute(relative).forPeople) }
        directories[number] = relative
        return number
    }

    private func scan(_ relative: [UInt8], isNew: Bool) throws(SystemError) {
        guard scans.count < Self.deepest else { return }
        let flags = relative.isEmpty ? 0 : O_NOFOLLOW
        let directory = try Descriptor.open(absolute(relative), O_RDONLY | O_DIRECTORY | O_NONBLOCK | flags)
        scans.append(Scan(directory: try DirectoryStream(directory, named: relative), path: relative, isNew: isNew))
    }

    /// Looks at one entry.
    private func scanNext() -> AgentFailure? {
        guard let scan = scans.last else { return nil }
        guard let name = (try? scan.directory.next()) ?? nil else {
            scans.removeLast()
            return nil
        }
        guard !TemporaryFile.isTemporary(name) else { return nil }
        let relative = join(scan.path, name)
        if scan.isNew {
            tell(.created, relative)
            if told.count < 10_000 { told.insert(relative) }
        }
        guard let info = try? stat(of: name, in: scan.directory.number), info.isDirectory else { return nil }
        return follow(relative, isNew: scan.isNew)
    }

    /// Watches a subdirectory and those in it.
    ///
    /// - Returns: the failure if there can be no more watches, and the gateway has not been told that there is one.
    private func follow(_ relative: [UInt8], isNew: Bool) -> AgentFailure? {
        do throws(SystemError) {
            try watch(relative)
            try scan(relative, isNew: isNew)
        } catch {
            // It's gone, or it can't be read: then there is nothing to be told of it.
            guard error.code == ENOSPC || error.code == ENOMEM || error.code == EMFILE else { return nil }
            guard isReady else { return Self.failure(error, path) }
            overflow()
        }
        return nil
    }

    private func join(_ directory: [UInt8], _ name: [UInt8]) -> [UInt8] {
        directory.isEmpty ? name : directory + [UInt8(ascii: "/")] + name
    }

    // MARK: Events

    private func readEvents() {
        withUnsafeTemporaryAllocation(byteCount: 16 * 1024, alignment: 8) { buffer in
            guard case .count(let count) = inotify.read(into: buffer), count > 0 else {
                isReadable = false
                told.removeAll()
                return
            }
            let header = MemoryLayout<inotify_event>.size
            var offset = 0
            while offset + header <= count {
                let event = buffer.loadUnaligned(fromByteOffset: offset, as: inotify_event.self)
                let end = min(count, offset + header + Int(event.len))
                let name = Array(buffer[(offset + header)..<end].prefix { $0 != 0 })
                offset = end
                handle(event, name)
            }
        }
    }

    private func handle(_ event: inotify_event, _ name: [UInt8]) {
        func has(_ flag: Int32) -> Bool { event.mask & UInt32(bitPattern: flag) != 0 }
        if has(IN_Q_OVERFLOW) {
            overflow()
            // Subdirectories may have come without our being told.
            if isRecursive { try? scan([], isNew: false) }
            return
        }
        let departed = departure.flatMap { has(IN_MOVED_TO) && $0.cookie == event.cookie ? $0 : nil }
        // Now, so that what happens in a directory that left is not told as if it were still there.
        if departed == nil { forgetDeparted() }
        guard let directory = directories[event.wd] else { return }
        if has(IN_IGNORED) {
            directories[event.wd] = nil
            return
        }
        guard !name.isEmpty else { return handleSelf(event) }
        let relative = join(directory, name)
        let isDirectory = has(IN_ISDIR)
        let isTemporary = TemporaryFile.isTemporary(name)
        if has(IN_MOVED_FROM) {
            if isTemporary {
                temporary = (event.cookie, name)
                return
            }
            tell(.renamed, relative)
            if isDirectory, isRecursive { departure = Departure(cookie: event.cookie, path: relative) }
        } else if has(IN_MOVED_TO), !isTemporary {
            arrive(relative, isDirectory: isDirectory, cookie: event.cookie, from: departed)
        } else if isTemporary {
            return
        } else if has(IN_CREATE) {
            if told.remove(relative) == nil { tell(.created, relative) }
            if isDirectory, isRecursive { _ = follow(relative, isNew: true) }
        } else if has(IN_DELETE) {
            tell(.removed, relative)
        } else if has(IN_MODIFY) {
            tell(.modified, relative)
        } else if has(IN_ATTRIB) {
            tell(.attributes, relative)
        }
    }

    private func arrive(_ relative: [UInt8], isDirectory: Bool, cookie: UInt32, from departed: Departure?) {
        if let temporary, temporary.cookie == cookie {
            tell(puts.isReplacement(temporary.name) ? .modified : .created, relative)
            self.temporary = nil
            if isDirectory, isRecursive { _ = follow(relative, isNew: true) }
            return
        }
        tell(.renamed, relative)
        guard isDirectory, isRecursive else { return }
        guard let departed else {
            _ = follow(relative, isNew: false)
            return
        }
        departure = nil
        let prefix = departed.path + [UInt8(ascii: "/")]
        for (number, path) in directories where path == departed.path || path.starts(with: prefix) {
            directories[number] = relative + path.dropFirst(departed.path.count)
        }
    }

    /// A directory that left for a place that is not watched takes its subdirectories along.
    private func forgetDeparted() {
        guard let departed = departure else { return }
        departure = nil
        let prefix = departed.path + [UInt8(ascii: "/")]
        for (number, path) in directories where path == departed.path || path.starts(with: prefix) {
            directories[number] = nil
            _ = inotify_rm_watch(inotify.number, number)
        }
    }

    /// Something about a watched directory itself. For a subdirectory, the one above says the same.
    private func handleSelf(_ event: inotify_event) {
        guard event.wd == root else { return }
        if event.mask & UInt32(IN_DELETE_SELF | IN_UNMOUNT) != 0 {
            tell(.removed, [])
            isGone = true
        } else if event.mask & UInt32(IN_MOVE_SELF) != 0 {
            // Its path is another's, or nobody's.
            tell(.renamed, [])
            isGone = true
        } else if event.mask & UInt32(IN_ATTRIB) != 0 {
            tell(.attributes, [])
        }
    }

    // MARK: Telling

    private func tell(_ kind: AgentFileChange.Kind, _ relative: [UInt8]) {
        if kind == .modified {
            guard modified.insert(relative).inserted else { return }
        } else {
            modified.remove(relative)
        }
        AgentRecord.change(AgentFileChange(kind, path: relative)).encode(into: &pending)
    }

    /// Said once until it is taken.
    private func overflow() {
        guard !hasOverflowed else { return }
        hasOverflowed = true
        tell(.overflow, [])
    }
}
