import NIOCore
import SandstormCore

/// Everything that the gateway knows of one session with an agent, and what each event does to it.
///
/// Pure: it reads no clock and writes no socket. What is to be sent collects in ``outbox``, in the order in which it must go over the wire; what
/// is to be told to waiting tasks collects in ``news``. ``AgentConnection`` empties both.
struct AgentSession: Sendable {
    enum Phase {
        case greeting
        case open(AgentHello)
        case closed(ProviderError)
    }

    /// A frame to send.
    enum Outbound {
        case encoded([UInt8])
        case data(AgentFrameKind, channel: UInt32, ByteBuffer)
    }

    /// A file on its way to the agent.
    private struct Put {
        var input: AgentInputQueue
        let done: AgentWaiter<Void>
    }

    /// A file on its way from the agent.
    private struct Get {
        var window = AgentReceiveWindow()
        var content = ByteBuffer()
        let limit: Int
        let path: String
        let done: AgentWaiter<ByteBuffer>
    }

    private(set) var phase = Phase.greeting
    var outbox: [Outbound] = []
    var news: [@Sendable () -> Void] = []

    // A dictionary for each kind, so that a channel is changed where it is: taken out as a copy, its queues would be copied at each frame.
    private var processes: [UInt32: AgentProcessState] = [:]
    private var puts: [UInt32: Put] = [:]
    private var gets: [UInt32: Get] = [:]
    var calls: [UInt32: AgentCall] = [:]
    var streams: [UInt32: AgentStreamState] = [:]
    private var lastChannel: UInt32 = 0
    private var greeted: [AgentWaiter<AgentHello>] = []
    private var closed: [AgentWaiter<Void>] = []

    /// Channels that hold anything, for tests.
    var channelCount: Int { processes.count + puts.count + gets.count + calls.count + streams.count }

    // MARK: The session

    mutating func awaitHello(_ waiter: AgentWaiter<AgentHello>) {
        switch phase {
        case .greeting: greeted.append(waiter)
        case .open(let hello): resolve(waiter, .success(hello))
        case .closed(let error): resolve(waiter, .failure(error))
        }
    }

    mutating func awaitClose(_ waiter: AgentWaiter<Void>) {
        if case .closed = phase { resolve(waiter, .success(())) } else { closed.append(waiter) }
    }

    mutating func withdraw(closeWaiter waiter: AgentWaiter<Void>) { closed.removeAll { $0 === waiter } }

    mutating func shutDown() {
        if case .open = phase { send(.shutdown, on: AgentProtocol.sessionChannel) }
    }

    /// The connection is gone, or has to go. The first reason stays.
    mutating func close(because error: ProviderError) {
        if case .closed = phase { return }
        phase = .closed(error)
        for waiter in greeted { resolve(waiter, .failure(error)) }
        for waiter in closed { resolve(waiter, .success(())) }
        greeted = []
        closed = []
        outbox = []
        for put in puts.values { resolve(put.done, .failure(error)) }
        for get in gets.values { resolve(get.done, .failure(error)) }
        for call in calls.values { resolve(call.waiter, .failure(error)) }
        puts = [:]
        gets = [:]
        calls = [:]
        for id in streams.keys { closeStream(id, because: error) }
        for id in processes.keys { lose(id, error) }
    }

    private mutating func lose(_ id: UInt32, _ error: ProviderError) {
        if let starter = processes[id]?.starter {
            processes[id] = nil
            return resolve(starter, .failure(error))
        }
        var lost = error
        lost.code = .interrupted
        lost.afterStart = true
        guard processes[id]?.hasEnded == false else { return }
        for waiter in processes[id]?.input.close() ?? [] { resolve(waiter, .failure(lost)) }
        end(id, .failed(lost))
    }

    // MARK: What the gateway asks for

    /// Opens a channel for a process.
    ///
    /// - Returns: the channel; nil if there is none, in which case `waiter` has been told why.
    mutating func start(_ start: AgentStart, program: String, _ waiter: AgentWaiter<Int32>) -> UInt32? {
        guard let id = open(.start(start), waiter) else { return nil }
        processes[id] = AgentProcessState(starter: waiter, program: program)
        return id
    }

    /// Nobody waits for the start any more: whatever came of it ends.
    mutating func abandonStart(_ id: UInt32) {
        guard processes[id] != nil else { return }
        processes[id]?.starter = nil
        processes[id]?.discard()
        send(.signal(number: 9, target: .group), on: id)
    }

    mutating func put(
        _ path: String, mode: UInt16, _ content: ByteBuffer, as user: String? = nil, _ waiter: AgentWaiter<Void>
    ) -> UInt32? {
        let message = AgentMessage.putFile(AgentPutFile(path: path, mode: UInt32(mode), flags: .createsParents))
        guard let id = open(message, as: user, waiter) else { return nil }
        var input = AgentInputQueue()
        if content.readableBytes > 0 { input.append(content, AgentWaiter()) }
        input.appendEnd(nil)
        puts[id] = Put(input: input, done: waiter)
        pump(id)
        return id
    }

    mutating func get(_ path: String, upTo limit: Int, as user: String? = nil, _ waiter: AgentWaiter<ByteBuffer>) -> UInt32? {
        // One byte more than allowed tells a file that is too large from one that fits.
        let message = AgentMessage.getFile(AgentGetFile(path: path, length: UInt64(max(0, limit)) + 1))
        guard let id = open(message, as: user, waiter) else { return nil }
        gets[id] = Get(limit: limit, path: path, done: waiter)
        return id
    }

    /// Nobody waits for this transfer any more.
    mutating func abandonTransfer(_ id: UInt32) {
        guard puts.removeValue(forKey: id) != nil || gets.removeValue(forKey: id) != nil else { return }
        send(.cancel, on: id)
    }

    /// Sends the first frame of a new channel; before it, as whom the agent is to act, if not as its usual user.
    mutating func open<Value>(_ message: AgentMessage, as user: String? = nil, _ waiter: AgentWaiter<Value>) -> UInt32? {
        if case .closed(let error) = phase {
            resolve(waiter, .failure(error))
            return nil
        }
        let (id, overflow) = lastChannel.addingReportingOverflow(1)
        guard !overflow else {
            resolve(waiter, .failure(ProviderError(.unavailable, "the session has used all of its channels")))
            return nil
        }
        do throws(AgentProtocolError) {
            var frames = try AgentFrame(channel: id, message: message).encoded()
            if let user { frames = try AgentFrame(channel: id, message: .actAs(user: Array(user.utf8))).encoded() + frames }
            outbox.append(.encoded(frames))
        } catch {
            let reason =
                "the arguments and the environment, or the path, take more than \(AgentProtocol.maximumPayloadLength) bytes together"
            resolve(waiter, .failure(ProviderError(.invalid, reason)))
            return nil
        }
        lastChannel = id
        return id
    }

    // MARK: What is done with a process

    mutating func write(_ bytes: ByteBuffer, to id: UInt32, _ waiter: AgentWaiter<Void>) {
        guard takesInput(id, waiter), bytes.readableBytes > 0 else { return resolve(waiter, .success(())) }
        processes[id]?.input.append(bytes, waiter)
        pump(id)
    }

    mutating func closeInput(of id: UInt32, _ waiter: AgentWaiter<Void>) {
        guard takesInput(id, waiter) else { return resolve(waiter, .success(())) }
        processes[id]?.input.appendEnd(waiter)
        pump(id)
    }

    mutating func withdraw(writeWaiter waiter: AgentWaiter<Void>, from id: UInt32) { processes[id]?.input.withdraw(waiter) }

    mutating func signal(_ number: Int32, _ target: SignalTarget, to id: UInt32) throws(ProviderError) {
        guard try isRunning(id), let number = UInt8(exactly: number) else { return }
        send(.signal(number: number, target: target == .group ? .group : .process), on: id)
    }

    mutating func resize(_ size: AgentTerminalSize, of id: UInt32) throws(ProviderError) {
        if try isRunning(id) { send(.resize(size), on: id) }
    }

    /// Takes the process's next event, or lets `waiter` wait for it.
    mutating func pull(from id: UInt32, _ waiter: AgentWaiter<ProcessEvent?>) {
        guard let hasConsumer = processes[id]?.hasConsumer else { return resolve(waiter, .success(nil)) }
        guard !hasConsumer else {
            return resolve(
                waiter, .failure(ProviderError(.invalid, "a process's events have one consumer, and this one has another already")))
        }
        processes[id]?.wait(waiter)
        deliver(id)
    }

    mutating func withdraw(eventWaiter waiter: AgentWaiter<ProcessEvent?>, from id: UInt32) { processes[id]?.withdraw(waiter) }

    /// The process's owner is gone. What it still says is not kept; it is not granted either, so that a process which says much waits to be
    /// killed with its sandbox.
    mutating func forget(_ id: UInt32) {
        processes[id]?.forget()
        if processes[id]?.hasEnded == true { processes[id] = nil }
    }

    /// Whether input can be given to the process. What it doesn't read, or can't any more, is dropped without an error: that a program does not
    /// read its input is normal. Once the connection is gone `waiter` is told, and a second telling does nothing.
    private mutating func takesInput(_ id: UInt32, _ waiter: AgentWaiter<Void>) -> Bool {
        if case .closed(let error) = phase { resolve(waiter, .failure(error)) }
        guard let process = processes[id] else { return false }
        return !process.hasEnded && !process.input.isClosed
    }

    private func isRunning(_ id: UInt32) throws(ProviderError) -> Bool {
        if case .closed(let error) = phase { throw error }
        return processes[id]?.hasEnded == false
    }

    /// Gives the process's consumer what it waits for.
    private mutating func deliver(_ id: UInt32) {
        guard let (waiter, pull, credit) = processes[id]?.deliver() ?? nil else { return }
        if let credit { send(.credit(bytes: credit), on: id) }
        resolve(waiter, pull)
    }

    private mutating func end(_ id: UInt32, _ end: AgentProcessState.End) {
        processes[id]?.finish(end)
        deliver(id)
        if processes[id]?.isUnwanted == true { processes[id] = nil }
    }

    // MARK: What the agent says

    mutating func receive(_ frame: AgentFrameReader.Frame) throws(AgentProtocolError) {
        switch frame {
        case .data(let kind, let id, let bytes): try receive(kind, bytes, on: id)
        case .message(let frame) where frame.channel == AgentProtocol.sessionChannel: receive(frame.message)
        case .message(let frame): try receive(frame.message, on: frame.channel)
        }
    }

    private mutating func receive(_ message: AgentMessage) {
        switch (message, phase) {
        case (.hello(let hello), .greeting):
            guard hello.protocolVersion == AgentProtocol.version else {
                let versions = "it speaks version \(hello.protocolVersion) of the protocol, this gateway version \(AgentProtocol.version)"
                return close(because: ProviderError(.unsupported, "the sandbox's agent doesn't fit: \(versions)"))
            }
            phase = .open(hello)
            for waiter in greeted { resolve(waiter, .success(hello)) }
            greeted = []
        case (.failed(let failure), _) where failure.endsChannel:
            close(because: ProviderError(.interrupted, "the sandbox's agent ended the session: \(failure.message)"))
        default:
            // A newer agent may say more than we know.
            break
        }
    }

    private mutating func receive(_ message: AgentMessage, on id: UInt32) throws(AgentProtocolError) {
        if processes[id] != nil { return try receive(message, process: id) }
        if streams[id] != nil { return try receive(message, stream: id) }
        if calls[id] != nil { return receive(message, call: id) }
        switch message {
        case .failed(let failure) where failure.endsChannel:
            if let put = puts.removeValue(forKey: id) { resolve(put.done, .failure(failure.fileError)) }
            if let get = gets.removeValue(forKey: id) { resolve(get.done, .failure(failure.fileError)) }
        case .credit(let bytes):
            try puts[id]?.input.grant(bytes)
            pump(id)
        case .done:
            if let put = puts.removeValue(forKey: id) { resolve(put.done, .success(())) }
        case .fileInfo(let info):
            if let get = gets[id], info.size > UInt64(clamping: get.limit) { refuseLarge(id) }
        case .end:
            if let get = gets.removeValue(forKey: id) { resolve(get.done, .success(get.content)) }
        default:
            // It crossed our last frame on the way, or comes from a newer agent.
            break
        }
    }

    private mutating func receive(_ message: AgentMessage, process id: UInt32) throws(AgentProtocolError) {
        switch message {
        case .started(let pid):
            guard let starter = processes[id]?.starter else { return }
            processes[id]?.start(pid: pid)
            resolve(starter, .success(pid))
        case .credit(let bytes):
            try processes[id]?.input.grant(bytes)
            pump(id)
        case .stdinClosed:
            closeInput(id)
        case .exited(let exit):
            closeInput(id)
            end(id, .exited(ExitStatus(exit)))
        case .failed(let failure) where failure.endsChannel:
            if let process = processes[id], let starter = process.starter {
                processes[id] = nil
                return resolve(starter, .failure(failure.providerError(starting: process.program)))
            }
            closeInput(id)
            end(id, .failed(ProviderError(.interrupted, "the process was lost: \(failure.message)", afterStart: true)))
        default:
            break
        }
    }

    private mutating func closeInput(_ id: UInt32) {
        for waiter in processes[id]?.input.close() ?? [] { resolve(waiter, .success(())) }
    }

    private mutating func receive(_ kind: AgentFrameKind, _ bytes: ByteBuffer, on id: UInt32) throws(AgentProtocolError) {
        if kind == .stdout || kind == .stderr, processes[id]?.hasEnded == false {
            let credit = try processes[id]?.receive(kind == .stdout ? .stdout : .stderr, bytes) ?? nil
            if let credit { send(.credit(bytes: credit), on: id) }
            deliver(id)
        } else if kind == .data, gets[id] != nil {
            try gets[id]?.window.receive(bytes.readableBytes)
            gets[id]?.content.writeImmutableBuffer(bytes)
            if let get = gets[id], get.content.readableBytes > get.limit { return refuseLarge(id) }
            let credit = gets[id]?.window.consume(bytes.readableBytes) ?? nil
            if let credit { send(.credit(bytes: credit), on: id) }
        } else if kind == .data {
            try receive(bytes, stream: id)
        }
    }

    private mutating func refuseLarge(_ id: UInt32) {
        guard let get = gets.removeValue(forKey: id) else { return }
        send(.cancel, on: id)
        let reason = "\(get.path) is larger than the \(get.limit) bytes that may be read at once"
        resolve(get.done, .failure(ProviderError(.invalid, reason, fileProblem: .tooLarge)))
    }

    // MARK: Sending

    /// Sends what the channel's credit allows of its input.
    private mutating func pump(_ id: UInt32) {
        while let (output, done) = processes[id]?.input.next() ?? nil {
            send(output, as: .stdin, end: .closeStdin, on: id)
            if let done { resolve(done, .success(())) }
        }
        while let (output, _) = puts[id]?.input.next() ?? nil {
            send(output, as: .data, end: .end, on: id)
        }
    }

    mutating func send(_ output: AgentInputQueue.Output, as kind: AgentFrameKind, end: AgentMessage, on id: UInt32) {
        switch output {
        case .bytes(let bytes): outbox.append(.data(kind, channel: id, bytes))
        case .end: send(end, on: id)
        }
    }

    mutating func send(_ message: AgentMessage, on id: UInt32) {
        if case .closed = phase { return }
        // Only a start and a path can be too long, and `open` looks after those.
        guard let bytes = try? AgentFrame(channel: id, message: message).encoded() else { return }
        outbox.append(.encoded(bytes))
    }

    mutating func resolve<Value: Sendable>(_ waiter: AgentWaiter<Value>, _ result: Result<Value, ProviderError>) {
        news.append { waiter.resolve(result) }
    }
}

extension ExitStatus {
    fileprivate init(_ exit: AgentExit) {
        let outcome: Outcome =
            switch exit.status {
            case .code(let code): .code(code)
            case .signal(let number): .signal(Signal(rawValue: number))
            }
        let (total, overflow) = exit.userMicroseconds.addingReportingOverflow(exit.systemMicroseconds)
        self.init(
            outcome, cpuTime: overflow ? nil : .microseconds(Int64(clamping: total)), peakMemoryKiB: Int(clamping: exit.maximumResidentKiB))
    }
}
