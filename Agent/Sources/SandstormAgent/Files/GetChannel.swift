import CLinux
import Glibc

/// A file on its way to the gateway.
final class GetChannel: Channel {
    let id: UInt32
    var isQueued = false

    private let file: Descriptor
    private let outbound: Outbound
    private var window = AgentSendWindow()
    private var remaining: UInt64

    /// Opens the file and queues its `fileInfo`; or, given the accounts, its `entry`.
    init(id: UInt32, _ get: AgentGetFile, accounts: Accounts? = nil, outbound: Outbound) throws(AgentFailure) {
        self.id = id
        self.outbound = outbound
        remaining = get.length ?? .max
        guard !get.path.isEmpty, get.path.isCString else { throw .invalid("getFile has an empty path or one with a NUL byte") }
        guard get.path.count < 4096 else { throw AgentFailure(SystemError(ENAMETOOLONG, in: Self.name(get.path)), stage: .file) }
        guard get.offset <= UInt64(Int64.max) else { throw .invalid("getFile has an offset beyond any file") }
        do throws(SystemError) {
            // Looked at before it is opened too: opening a FIFO lets go a writer who waits for a reader.
            try Self.requireRegular(get.path) { info in get.path.withCString { stat($0, &info) } }
            let file = try Descriptor.open(get.path, O_RDONLY | O_NONBLOCK | O_NOCTTY)
            let info = try Self.requireRegular(get.path) { fstat(file.number, &$0) }
            guard get.offset == 0 || lseek(file.number, off_t(get.offset), SEEK_SET) >= 0 else { throw .current(in: Self.name(get.path)) }
            self.file = file
            if let accounts {
                outbound.send(.entry(AgentFileEntry(path: get.path, info, linkTarget: [], accounts: accounts)), on: id)
                return
            }
            outbound.send(
                .fileInfo(
                    AgentFileInfo(
                        size: UInt64(clamping: info.st_size),
                        mode: UInt32(info.st_mode),
                        modifiedSeconds: Int64(info.st_mtim.tv_sec),
                        modifiedNanoseconds: UInt32(clamping: info.st_mtim.tv_nsec)
                    )
                ),
                on: id
            )
        } catch {
            throw AgentFailure(error, stage: .file)
        }
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
        case .cancel:
            return .closed
        default:
            return fail(.unexpected(message))
        }
    }

    func note(_ event: Poller.Event) -> ChannelState { .waiting }

    func pump() -> ChannelState {
        guard remaining > 0 else { return finish() }
        guard window.available > 0 else { return .waiting }
        let maximum = min(window.available, Int(clamping: remaining))
        switch outbound.sendData(.data, on: id, from: file, maximum: maximum) {
        case .count(0):
            return finish()
        case .count(let count):
            // Not more than was available was asked for, so this cannot fail.
            try? window.spend(count)
            remaining -= UInt64(count)
            return .ready
        case .wouldBlock:
            // A file of /proc that waits for news. It is not polled: a transfer has an end.
            return fail(AgentFailure(SystemError(EAGAIN, in: "read"), stage: .file))
        case .failed(let code):
            return fail(AgentFailure(SystemError(code, in: "read"), stage: .file))
        }
    }

    func abandon() {}

    private func finish() -> ChannelState {
        outbound.send(.end, on: id)
        return .closed
    }

    private func fail(_ failure: AgentFailure) -> ChannelState {
        outbound.send(.failed(failure), on: id)
        return .closed
    }

    @discardableResult
    private static func requireRegular(_ path: [UInt8], _ status: (inout stat) -> Int32) throws(SystemError) -> stat {
        var info = stat()
        guard status(&info) == 0 else { throw .current(in: name(path)) }
        switch info.st_mode & S_IFMT {
        case S_IFREG: return info
        case S_IFDIR: throw SystemError(EISDIR, in: name(path))
        default: throw SystemError(EINVAL, in: "\(name(path)) is a device, pipe or socket, not a regular file")
        }
    }

    private static func name(_ path: [UInt8]) -> String {
        String(decoding: path.prefix(1024), as: UTF8.self)
    }
}
