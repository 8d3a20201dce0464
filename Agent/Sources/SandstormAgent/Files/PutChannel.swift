import CLinux
import Glibc

/// A file on its way from the gateway.
///
/// It grows under a temporary name beside its place and is renamed into it as the last step: nobody ever sees half a file, and a transfer that is
/// cut leaves what was there.
final class PutChannel: Channel {
    let id: UInt32
    var isQueued = false

    private let outbound: Outbound
    private let path: [UInt8]
    private let name: [UInt8]
    private let mode: mode_t
    private let temporary: TemporaryFile
    private let puts: RecentPuts
    private var window = AgentReceiveWindow()

    init(id: UInt32, _ put: AgentPutFile, puts: RecentPuts, outbound: Outbound) throws(AgentFailure) {
        self.id = id
        self.outbound = outbound
        self.puts = puts
        path = put.path
        mode = mode_t(put.mode & 0o7777)
        guard put.flags.isSubset(of: .known) else {
            throw .invalid("putFile has flags (\(put.flags.rawValue)) that agent \(SandstormAgent.version) doesn't know", errno: ENOSYS)
        }
        guard put.path.isCString else { throw .invalid("putFile has a path with a NUL byte") }
        let slash = UInt8(ascii: "/")
        let split = put.path.lastIndex(of: slash)
        name = Array(put.path[(split.map { $0 + 1 } ?? 0)...])
        guard !name.isEmpty, name != [UInt8(ascii: ".")], name != Array("..".utf8) else {
            throw AgentFailure(errno: EISDIR, stage: .file, message: "putFile has a path that names a directory")
        }
        let parent = split.map { $0 == 0 ? [slash] : Array(put.path[..<$0]) } ?? [UInt8(ascii: ".")]
        do throws(SystemError) {
            if put.flags.contains(.createsParents) {
                try FilePath.createDirectories(parent)
            }
            temporary = try TemporaryFile(in: Descriptor.open(parent, SANDSTORM_O_PATH | O_DIRECTORY))
        } catch {
            throw Self.failure(error, put.path)
        }
    }

    func receive(_ message: AgentMessage) -> ChannelState {
        switch message {
        case .data(let bytes):
            do throws(AgentProtocolError) {
                try window.receive(bytes.count)
            } catch {
                return fail(.violation(error.description))
            }
            do throws(SystemError) {
                try temporary.write(bytes[...])
            } catch {
                return fail(Self.failure(error, path))
            }
            if let credit = window.consume(bytes.count) {
                outbound.send(.credit(bytes: credit), on: id)
            }
            return .waiting
        case .end:
            do throws(SystemError) {
                try temporary.move(to: name, mode: mode, noting: puts)
            } catch {
                return fail(Self.failure(error, path))
            }
            outbound.send(.done, on: id)
            return .closed
        case .cancel:
            abandon()
            return .closed
        default:
            return fail(.unexpected(message))
        }
    }

    func note(_ event: Poller.Event) -> ChannelState { .waiting }

    func pump() -> ChannelState { .waiting }

    func abandon() {
        temporary.remove()
    }

    private func fail(_ failure: AgentFailure) -> ChannelState {
        abandon()
        outbound.send(.failed(failure), on: id)
        return .closed
    }

    /// Speaks of the file that was asked for, whatever other name the failed step was about.
    private static func failure(_ error: SystemError, _ path: [UInt8]) -> AgentFailure {
        AgentFailure(SystemError(error.code, in: String(decoding: path.prefix(1024), as: UTF8.self)), stage: .file)
    }
}
