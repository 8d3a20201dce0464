import Glibc

/// A process and the frames from and to it.
final class ProcessChannel: Channel {
    enum Role {
        /// Also a terminal's input.
        static let output: UInt8 = 0
        static let error: UInt8 = 1
        static let input: UInt8 = 2
    }

    let id: UInt32
    var isQueued = false

    private let pid: pid_t
    private let terminal: Descriptor?
    private let outbound: Outbound
    private var input: ProcessInput
    private var output: ProcessOutput
    private var error: ProcessOutput?
    /// Shared by stdout and stderr.
    private var window = AgentSendWindow()
    private var exit: AgentExit?
    private var errorGoesFirst = false

    init(id: UInt32, _ spawned: Spawner.Spawned, outbound: Outbound) {
        self.id = id
        self.outbound = outbound
        pid = spawned.pid
        terminal = spawned.isTerminal ? spawned.output : nil
        input = ProcessInput(spawned.input, isTerminal: spawned.isTerminal)
        output = ProcessOutput(.stdout, spawned.output, isTerminal: spawned.isTerminal)
        error = spawned.error.map { ProcessOutput(.stderr, $0, isTerminal: false) }
    }

    func receive(_ message: AgentMessage) -> ChannelState {
        do throws(AgentProtocolError) {
            switch message {
            case .stdin(let bytes): tell(try input.receive(bytes))
            case .closeStdin: input.end()
            case .credit(let bytes): try window.grant(bytes)
            case .signal(let number, let target): signal(number, target)
            case .resize(let size): terminal.map { Terminal.resize($0, to: size) }
            default: return fail(.unexpected(message))
            }
            return .ready
        } catch {
            return fail(.violation(error.description))
        }
    }

    func note(_ event: Poller.Event) -> ChannelState {
        switch event.token.role {
        case Role.input:
            input.noteWritable()
            // The read end of the pipe is closed. Said also when there is nothing to write, so that a producer can stop.
            if event.isHungUp { tell(input.close(byProcess: true)) }
        case Role.error:
            error?.noteReadable()
        default:
            if event.isReadable { output.noteReadable() }
            if event.isWritable, terminal != nil { input.noteWritable() }
        }
        return .ready
    }

    func pump() -> ChannelState {
        if input.isReady { tell(input.pump()) }
        // Turns, because whoever reads first may take the whole window.
        if errorGoesFirst {
            error?.pump(&window, on: id, to: outbound)
            output.pump(&window, on: id, to: outbound)
        } else {
            output.pump(&window, on: id, to: outbound)
            error?.pump(&window, on: id, to: outbound)
        }
        errorGoesFirst.toggle()
        let outputIsReady = output.isReady || error?.isReady == true
        if let exit, !outputIsReady {
            outbound.send(.exited(exit), on: id)
            return .closed
        }
        return input.isReady || (outputIsReady && window.available > 0) ? .ready : .waiting
    }

    /// The process is gone; `exited` follows when its output is sent.
    func processExited(_ exit: AgentExit) {
        self.exit = exit
        // `exited` says it; there's no need for `stdinClosed`.
        _ = input.close(byProcess: false)
        output.processExited()
        error?.processExited()
    }

    /// Pipes that processes left behind still write to.
    func takeAbandonedOutputs() -> [Descriptor] {
        [output.takeAbandoned(), error?.takeAbandoned()].compactMap(\.self)
    }

    func abandon() {
        guard exit == nil else { return }
        _ = kill(-pid, SIGKILL)
    }

    private func fail(_ failure: AgentFailure) -> ChannelState {
        abandon()
        outbound.send(.failed(failure), on: id)
        return .closed
    }

    private func signal(_ number: UInt8, _ target: AgentSignalTarget) {
        // Once it is reaped, its pid may be another's.
        guard exit == nil, (1...64).contains(number) else { return }
        _ = kill(target == .group ? -pid : pid, Int32(number))
    }

    private func tell(_ news: ProcessInput.News) {
        guard exit == nil else { return }
        if news.closedByProcess { outbound.send(.stdinClosed, on: id) }
        if let credit = news.credit { outbound.send(.credit(bytes: credit), on: id) }
    }
}
