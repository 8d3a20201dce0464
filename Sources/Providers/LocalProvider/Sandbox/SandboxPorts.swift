#if os(Linux)
import Glibc
import NIOPosix
import SandstormCore
import SandstormWire

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A sandbox's ports as unix sockets of the machine, each forwarded by the agent; in a directory that only the gateway's user gets to.
final class SandboxPorts: Sendable {
    private struct State {
        /// A forward once asked for stays; one that failed is tried again.
        var forwards: [Int: Task<Result<AgentPortForward, ProviderError>, Never>] = [:]
        var isClosed = false
    }

    /// Each holds a socket of the gateway's.
    private static let maximum = 64

    private let directory: String
    private let connection: AgentConnection
    private let state = Locked(State())

    init(directory: String, _ connection: AgentConnection) {
        self.directory = directory
        self.connection = connection
    }

    func endpoint(port: Int) async throws(ProviderError) -> SandboxEndpoint {
        guard (1...65_535).contains(port) else { throw ProviderError(.invalid, "port \(port): a port is a number from 1 to 65535") }
        let path = "\(directory)/\(port)"
        let forward = try state.withLock { (state) throws(ProviderError) in
            if state.isClosed { throw ProviderError(.notFound, "the sandbox was killed") }
            if let forward = state.forwards[port] { return forward }
            guard state.forwards.count < Self.maximum else {
                throw ProviderError(.invalid, "port \(port): no more than \(Self.maximum) ports of a sandbox can be reached")
            }
            let forward = Task { await self.open(port, path) }
            state.forwards[port] = forward
            return forward
        }
        do throws(ProviderError) {
            _ = try await forward.value.get()
        } catch {
            state.withLock { if $0.forwards[port] == forward { $0.forwards[port] = nil } }
            throw error
        }
        guard let url = URL(string: "http+unix://\(Self.encoded(path))/") else {
            throw ProviderError(.unavailable, "the port's socket has no address", vendorDetail: path)
        }
        return SandboxEndpoint(url: url)
    }

    private func open(_ port: Int, _ path: String) async -> Result<AgentPortForward, ProviderError> {
        do throws(ProviderError) {
            let made = await HostThreads.run { [directory] in Result { () throws(SystemError) in try Self.makePrivate(directory) } }
            do throws(SystemError) {
                try made.get()
            } catch {
                throw error.providerError("the ports' directory can't be made")
            }
            return .success(try await connection.forward(port: port, listeningAt: path, on: MultiThreadedEventLoopGroup.singleton))
        } catch {
            return .failure(error)
        }
    }

    private static func makePrivate(_ directory: String) throws(SystemError) {
        try HostFile.makeDirectories(directory, mode: 0o700)
        // Where others may write, one may have been quicker.
        var info = stat()
        guard lstat(directory, &info) == 0 else { throw .current(in: "stat \(directory)") }
        guard info.st_mode & S_IFMT == S_IFDIR, info.st_uid == geteuid(), info.st_mode & 0o077 == 0 else {
            throw SystemError(EPERM, in: directory)
        }
    }

    /// Closes all of them, and whatever goes through them.
    func close() async {
        let forwards = state.withLock { state in
            defer { state.forwards = [:] }
            state.isClosed = true
            return state.forwards.values.map(\.self)
        }
        for forward in forwards { if case .success(let forward) = await forward.value { await forward.close() } }
    }

    /// Everything but what needs no encoding anywhere.
    private static func encoded(_ path: String) -> String {
        path.utf8.reduce(into: "") { text, byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
                text.append(Character(UnicodeScalar(byte)))
            default:
                text += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
    }
}

extension Host {
    /// What a path of a unix socket may have. The kernel takes 107 bytes; NIO takes what every system takes.
    private static let longestSocketPath = 103

    /// Where a sandbox's ports are: with everything else of it, or, where that is too long for sockets, at a shorter place.
    func portsDirectory(of id: String) -> String {
        let usual = "\(directory(of: id))/ports"
        if usual.utf8.count + "/65535".utf8.count <= Self.longestSocketPath { return usual }
        return geteuid() == 0 ? "/run/sandstorm/\(id)-ports" : "/tmp/sandstorm-\(getuid())-\(id)"
    }
}
#endif
