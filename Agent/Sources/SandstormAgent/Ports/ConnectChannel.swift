import CLinux
import Glibc

/// A connection to a TCP port inside the sandbox.
///
/// Each way ends by itself: the gateway's `end` becomes a FIN, the server's FIN becomes `end`. When both have ended, `done` follows.
final class ConnectChannel: Channel {
    private enum Address: CaseIterable {
        case ipv4, ipv6
    }

    let id: UInt32
    var isQueued = false

    private let port: UInt16
    private let poller: Poller
    private let outbound: Outbound
    private var socket: Descriptor
    private var untried: [Address] = [.ipv6]
    private var isConnected = false
    private var isReadable = false
    private var isWritable = false

    private var input = InputQueue()
    private var inputWindow = AgentReceiveWindow()
    /// The gateway has sent all; a FIN is due once the queue is empty.
    private var inputHasEnded = false
    private var inputIsShut = false
    private var outputWindow = AgentSendWindow()
    private var outputHasEnded = false

    init(id: UInt32, port: UInt16, poller: Poller, outbound: Outbound) throws(AgentFailure) {
        self.id = id
        self.port = port
        self.poller = poller
        self.outbound = outbound
        guard port > 0 else { throw .invalid("port 0 is none") }
        do throws(SystemError) {
            socket = try Self.begin(.ipv4, port)
            try poller.add(socket, as: Poller.Token(channel: id, role: 0))
        } catch {
            throw AgentFailure(error, stage: .resources)
        }
    }

    /// Starts to connect. Whether that succeeds shows when the socket becomes writable, also if it is known at once.
    private static func begin(_ address: Address, _ port: UInt16) throws(SystemError) -> Descriptor {
        let family = address == .ipv4 ? AF_INET : AF_INET6
        let number = Glibc.socket(family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        guard number >= 0 else { throw .current(in: "socket") }
        let socket = Descriptor(owning: number)
        var on: Int32 = 1
        _ = setsockopt(number, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        let code: Int32
        switch address {
        case .ipv4:
            var name = sockaddr_in()
            name.sin_family = sa_family_t(AF_INET)
            name.sin_port = port.bigEndian
            name.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            code = connect(number, &name)
        case .ipv6:
            var name = sockaddr_in6()
            name.sin6_family = sa_family_t(AF_INET6)
            name.sin6_port = port.bigEndian
            withUnsafeMutableBytes(of: &name.sin6_addr) { $0[15] = 1 }
            code = connect(number, &name)
        }
        guard code == 0 || code == EINPROGRESS else { throw SystemError(code, in: "connect") }
        return socket
    }

    private static func connect<Name>(_ number: Int32, _ name: inout Name) -> Int32 {
        withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(number, $0, socklen_t(MemoryLayout<Name>.size)) == 0 ? 0 : errno
            }
        }
    }

    func receive(_ message: AgentMessage) -> ChannelState {
        do throws(AgentProtocolError) {
            switch message {
            case .data(let bytes):
                guard !inputHasEnded else { return fail(.unexpected(message)) }
                try inputWindow.receive(bytes.count)
                if inputIsShut { grant(bytes.count) } else { input.append(bytes) }
            case .end: inputHasEnded = true
            case .credit(let bytes): try outputWindow.grant(bytes)
            case .cancel: return .closed
            default: return fail(.unexpected(message))
            }
            return .ready
        } catch {
            return fail(.violation(error.description))
        }
    }

    func note(_ event: Poller.Event) -> ChannelState {
        guard isConnected else { return event.isWritable ? connected() : .waiting }
        isReadable = isReadable || event.isReadable
        isWritable = isWritable || event.isWritable
        return .ready
    }

    private func connected() -> ChannelState {
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        if getsockopt(socket.number, SOL_SOCKET, SO_ERROR, &code, &size) != 0 { code = errno }
        if code != 0, let next = untried.popLast() {
            do throws(SystemError) {
                socket = try Self.begin(next, port)
                try poller.add(socket, as: Poller.Token(channel: id, role: 0))
                return .waiting
            } catch {
                // The first address's error says more: a sandbox may have no IPv6 at all.
            }
        }
        guard code == 0 else { return fail(AgentFailure(SystemError(code, in: "port \(port)"), stage: .port)) }
        isConnected = true
        isReadable = true
        isWritable = true
        outbound.send(.ready, on: id)
        return .ready
    }

    func pump() -> ChannelState {
        guard isConnected else { return .waiting }
        pumpInput()
        if let failure = pumpOutput() { return fail(failure) }
        if outputHasEnded, inputIsShut, inputHasEnded {
            outbound.send(.done, on: id)
            return .closed
        }
        let canWrite = isWritable && !inputIsShut && (!input.isEmpty || inputHasEnded)
        let canRead = isReadable && !outputHasEnded && outputWindow.available > 0
        return canWrite || canRead ? .ready : .waiting
    }

    private func pumpInput() {
        guard isWritable, !inputIsShut else { return }
        if !input.isEmpty {
            switch input.write(to: socket) {
            case .count(let count): grant(count)
            case .wouldBlock: isWritable = false
            case .failed: dropInput()
            }
        } else if inputHasEnded {
            _ = shutdown(socket.number, Int32(SHUT_WR))
            inputIsShut = true
        }
    }

    /// The server takes no more. What it still says is another matter: a refusal of a large upload comes just then.
    private func dropInput() {
        inputIsShut = true
        grant(input.removeAll())
    }

    private func grant(_ count: Int) {
        if let credit = inputWindow.consume(count) { outbound.send(.credit(bytes: credit), on: id) }
    }

    private func pumpOutput() -> AgentFailure? {
        guard isReadable, !outputHasEnded, outputWindow.available > 0 else { return nil }
        switch outbound.sendData(.data, on: id, from: socket, maximum: outputWindow.available) {
        case .count(0):
            outputHasEnded = true
            outbound.send(.end, on: id)
        // Not more than was available was asked for, so this cannot fail.
        case .count(let count): try? outputWindow.spend(count)
        case .wouldBlock: isReadable = false
        case .failed(let code): return AgentFailure(SystemError(code, in: "port \(port)"), stage: .port)
        }
        return nil
    }

    func abandon() {}

    private func fail(_ failure: AgentFailure) -> ChannelState {
        outbound.send(.failed(failure), on: id)
        return .closed
    }
}
