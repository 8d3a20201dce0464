import CLinux
import Glibc

/// The conversation with the gateway, and the loop that drives all its channels.
///
/// Each round takes events, one read from the gateway, and one piece of work from each channel that is ready, then writes. When the transport
/// is slow, the outbound queue fills, channels stay in line, their pipes fill, and their processes block: that is the back pressure.
final class Session {
    private enum Role {
        static let transport: UInt8 = 0
        static let transportOutput: UInt8 = 1
        static let signals: UInt8 = 2
        /// Output of processes that have exited; see ``Discarder``.
        static let discarded: UInt8 = 3
    }

    private var poller: Poller
    private let signals: Signals
    private let transport: Transport
    private let outbound = Outbound()
    private var decoder = AgentFrameDecoder()
    private var isReadable = true
    private let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 1024, alignment: 16)

    private var channels: [UInt32: any Channel] = [:]
    private var highestChannel: UInt32 = 0
    private var line: [any Channel] = []
    private var processes = ProcessTable()
    private var discarder = Discarder()
    private let accounts = AccountBook()
    private let puts = RecentPuts()
    private let guise = Guise()
    /// As whom a channel acts that is not the agent's own, or why it can't. Also of a channel that is about to be opened.
    private var actors: [UInt32: Result<Identity, AgentFailure>] = [:]
    /// Set once the session is over.
    private var status: Int32?

    init(over origin: Transport.Origin) throws(SystemError) {
        transport = try Transport(origin)
        signals = try Signals()
        poller = try Poller()
        try poller.add(transport.input, as: Poller.Token(channel: 0, role: Role.transport))
        if transport.output !== transport.input {
            try poller.add(transport.output, as: Poller.Token(channel: 0, role: Role.transportOutput))
        }
        try poller.add(signals.descriptor, as: Poller.Token(channel: 0, role: Role.signals))
        processes.adoptOrphans()
    }

    deinit {
        scratch.deallocate()
    }

    /// Serves until the gateway leaves.
    ///
    /// - Returns: the agent's exit status: 0 after an orderly end.
    func run() -> Int32 {
        outbound.send(.hello(AgentHello(agentVersion: SandstormAgent.version, pid: getpid(), uid: geteuid())), on: 0)
        flush()
        while status == nil {
            round()
        }
        for channel in channels.values {
            act(as: channel.id) { channel.abandon() }
        }
        act(as: nil) {}
        processes.killAll()
        // A last word (why the session is over) if the transport takes it.
        flush()
        return status ?? 0
    }

    private func round() {
        let hasWork = (isReadable && outbound.hasRoomForAnswers) || (!line.isEmpty && outbound.hasRoomForData) || discarder.hasWork
        for event in poller.wait(blocking: !hasWork) {
            deliver(event)
        }
        if isReadable, outbound.hasRoomForAnswers {
            readTransport()
        }
        pumpLine()
        discarder.pump(scratch: scratch)
        flush()
    }

    private func deliver(_ event: Poller.Event) {
        if event.token.channel != 0 {
            guard let channel = channels[event.token.channel] else { return }
            settle(channel, act(as: channel.id) { channel.note(event) })
            return
        }
        switch event.token.role {
        case Role.transport:
            isReadable = isReadable || event.isReadable
            outbound.isWritable = outbound.isWritable || event.isWritable
        case Role.transportOutput:
            outbound.isWritable = outbound.isWritable || event.isWritable
        case Role.signals:
            let pending = signals.take()
            if pending.terminate {
                status = status ?? 0
            }
            if pending.childChanged {
                reap()
            }
        default:
            discarder.noteReadable()
        }
    }

    // MARK: Gateway

    private func readTransport() {
        switch transport.input.read(into: scratch) {
        case .wouldBlock:
            isReadable = false
        case .count(0):
            status = status ?? 0
        case .failed:
            status = status ?? 1
        case .count(let count):
            decoder.append(UnsafeRawBufferPointer(rebasing: scratch[..<count]))
            do throws(AgentProtocolError) {
                while status == nil, let frame = try decoder.next() {
                    handle(frame)
                }
            } catch {
                end(because: error.description)
            }
        }
    }

    private func flush() {
        do throws(SystemError) {
            try outbound.flush(to: transport.output)
        } catch {
            status = status ?? (error.code == EPIPE || error.code == ECONNRESET ? 0 : 1)
        }
    }

    private func end(because violation: String) {
        outbound.send(.failed(.violation(violation)), on: AgentProtocol.sessionChannel)
        status = status ?? 1
    }

    private func handle(_ frame: AgentFrame) {
        guard frame.channel != AgentProtocol.sessionChannel else {
            handleSession(frame.message)
            return
        }
        if let channel = channels[frame.channel] {
            if case .unknown(let kind, _) = frame.message {
                refuse(kind: kind, stage: .unsupportedFrame, on: frame.channel)
            } else {
                settle(channel, act(as: channel.id) { channel.receive(frame.message) })
            }
            return
        }
        let isNew = frame.channel > highestChannel || actors[frame.channel] != nil
        switch frame.message {
        case .start, .putFile, .getFile, .readFile, .statFile, .listFiles, .makeDirectory, .moveFile, .removeFile, .setAttributes,
            .watchFiles, .archiveFiles, .extractFiles, .connect:
            guard isNew else {
                outbound.send(.failed(.violation("channel \(frame.channel) was used before")), on: frame.channel)
                return
            }
            highestChannel = max(highestChannel, frame.channel)
            open(frame)
        case .actAs(let user):
            guard isNew, actors[frame.channel] == nil else {
                outbound.send(.failed(.violation("channel \(frame.channel) has an actor, or was used before")), on: frame.channel)
                return
            }
            highestChannel = frame.channel
            actors[frame.channel] = actor(user)
        case .unknown(let kind, _) where isNew:
            highestChannel = max(highestChannel, frame.channel)
            actors[frame.channel] = nil
            refuse(kind: kind, stage: .request, on: frame.channel)
        default:
            // On a channel that was open, it crossed the channel's last frame on the way: that is normal.
            guard isNew else { return }
            highestChannel = max(highestChannel, frame.channel)
            actors[frame.channel] = nil
            outbound.send(.failed(.unexpected(frame.message)), on: frame.channel)
        }
    }

    private func handleSession(_ message: AgentMessage) {
        switch message {
        case .ping(let token): outbound.send(.pong(token: token), on: AgentProtocol.sessionChannel)
        case .shutdown: status = 0
        case .unknown(let kind, _): refuse(kind: kind, stage: .unsupportedFrame, on: AgentProtocol.sessionChannel)
        default: end(because: "a frame of kind \(message.kindNumber) has no place on channel 0")
        }
    }

    private func refuse(kind: UInt8, stage: AgentFailure.Stage, on channel: UInt32) {
        let message = "frames of kind \(kind) are unsupported by agent \(SandstormAgent.version), protocol \(AgentProtocol.version)"
        outbound.send(.failed(AgentFailure(errno: ENOSYS, stage: stage, message: message)), on: channel)
    }

    // MARK: Channels

    private func open(_ frame: AgentFrame) {
        do throws(AgentFailure) {
            // Read as the agent itself, who may not be let near them as somebody else.
            _ = accounts.current()
            try become(actors[frame.channel])
            defer { act(as: nil) {} }
            guard let channel = try makeChannel(frame.message, on: frame.channel) else {
                actors[frame.channel] = nil
                return try answer(frame.message, on: frame.channel)
            }
            channels[frame.channel] = channel
            enqueue(channel)
        } catch {
            actors[frame.channel] = nil
            outbound.send(.failed(error), on: frame.channel)
        }
    }

    // MARK: Acting as others

    private func actor(_ user: [UInt8]) -> Result<Identity, AgentFailure> {
        let known = accounts.current()
        return Result { () throws(AgentFailure) in
            let identity = try Identity(user, accounts: known)
            // Tried at once, so that what comes later can't fail for it.
            do throws(SystemError) {
                try guise.wear(identity)
                try guise.wear(nil)
            } catch {
                throw identity.refusal(error.code, accounts: known)
            }
            return identity
        }
    }

    private func become(_ actor: Result<Identity, AgentFailure>?) throws(AgentFailure) {
        let identity = try actor?.get()
        do throws(SystemError) { try guise.wear(identity) } catch { throw AgentFailure(error, stage: .user) }
    }

    /// Does a piece of a channel's work as whoever it acts for; nil for the agent itself.
    @discardableResult
    private func act<Value>(as id: UInt32?, _ work: () -> Value) -> Value {
        do throws(AgentFailure) {
            try become(id.flatMap { actors[$0] })
        } catch {
            // The kernel has let us before. To go on as another would be to break a promise.
            SandstormAgent.fail(error.message, status: 1)
        }
        defer { if id != nil { act(as: nil) {} } }
        return work()
    }

    /// - Returns: nil for what is answered at once.
    private func makeChannel(_ message: AgentMessage, on id: UInt32) throws(AgentFailure) -> (any Channel)? {
        switch message {
        case .start(let start): try startProcess(start, on: id)
        case .putFile(let put): try PutChannel(id: id, put, puts: puts, outbound: outbound)
        case .getFile(let get): try GetChannel(id: id, get, outbound: outbound)
        case .readFile(let get): try GetChannel(id: id, get, accounts: accounts.current(), outbound: outbound)
        case .listFiles(let list):
            ProducerChannel(id: id, try ListProducer(list, accounts: accounts.current()), outbound: outbound)
        case .archiveFiles(let request):
            ProducerChannel(id: id, try ArchiveProducer(request, accounts: accounts.current()), outbound: outbound)
        case .extractFiles(let request): try ExtractChannel(id: id, request, outbound: outbound)
        case .moveFile(let move): WorkChannel(id: id, try MoveWork(move), outbound: outbound)
        case .removeFile(let request): WorkChannel(id: id, try TreeRemover(request), outbound: outbound)
        case .watchFiles(let request): try WatchChannel(id: id, request, puts: puts, poller: poller, outbound: outbound)
        case .connect(let port): try ConnectChannel(id: id, port: port, poller: poller, outbound: outbound)
        default: nil
        }
    }

    /// Does what takes a few system calls only.
    private func answer(_ message: AgentMessage, on id: UInt32) throws(AgentFailure) {
        switch message {
        case .statFile(let request):
            outbound.send(.entry(try FileCalls.entry(request, accounts: accounts.current())), on: id)
            outbound.send(.done, on: id)
        case .makeDirectory(let request):
            outbound.send(try FileCalls.makeDirectory(request) ? .done : .present, on: id)
        case .setAttributes(let request):
            try FileCalls.setAttributes(request, accounts: accounts.current())
            outbound.send(.done, on: id)
        default: break  // The caller passes these three only.
        }
    }

    private func startProcess(_ start: AgentStart, on id: UInt32) throws(AgentFailure) -> ProcessChannel {
        guard actors[id] == nil else { throw .invalid("actAs has no place before start, which names its user itself") }
        let spawned = try Spawner.spawn(start, accounts: accounts.current, guise)
        do throws(SystemError) {
            for (role, descriptor) in spawned.descriptors {
                try poller.add(descriptor, as: Poller.Token(channel: id, role: role))
            }
        } catch {
            // It exists and cannot be served. It is reaped as an orphan.
            _ = kill(-spawned.pid, SIGKILL)
            throw AgentFailure(error, stage: .resources)
        }
        processes.insert(spawned.pid, channel: id)
        outbound.send(.started(pid: spawned.pid), on: id)
        return ProcessChannel(id: id, spawned, outbound: outbound)
    }

    private func reap() {
        while let (pid, exit) = ProcessTable.reapOne() {
            guard let id = processes.remove(pid), let channel = channels[id] as? ProcessChannel else { continue }
            channel.processExited(exit)
            enqueue(channel)
        }
    }

    private func settle(_ channel: any Channel, _ state: ChannelState) {
        switch state {
        case .waiting: break
        case .ready: enqueue(channel)
        case .closed: close(channel)
        }
    }

    private func enqueue(_ channel: any Channel) {
        guard !channel.isQueued else { return }
        channel.isQueued = true
        line.append(channel)
    }

    private func close(_ channel: any Channel) {
        actors[channel.id] = nil
        guard let closed = channels.removeValue(forKey: channel.id) as? ProcessChannel else { return }
        for descriptor in closed.takeAbandonedOutputs() {
            discarder.add(descriptor, poller: poller, token: Poller.Token(channel: 0, role: Role.discarded))
        }
    }

    private func pumpLine() {
        guard !line.isEmpty, outbound.hasRoomForData else { return }
        let round = line
        line.removeAll(keepingCapacity: true)
        for (index, channel) in round.enumerated() {
            guard outbound.hasRoomForData else {
                // Those that had no turn come first next time.
                line.insert(contentsOf: round[index...], at: 0)
                return
            }
            channel.isQueued = false
            guard channels[channel.id] === channel else { continue }
            settle(channel, act(as: channel.id) { channel.pump() })
        }
    }
}
