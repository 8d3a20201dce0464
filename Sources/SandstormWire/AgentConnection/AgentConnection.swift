package import NIOCore
import NIOPosix
package import SandstormCore

/// The gateway's side of a session with a `sandstorm-agent`, over anything that carries bytes both ways.
///
/// `docs/agent-protocol.md` says what goes over the wire. The agent is not trusted: whoever runs in the sandbox may have taken its place. A
/// process whose events are not read stops once it has sent 256 KiB, which is also all that is kept of it here.
///
/// The channel closes when the connection and all of its processes are let go.
package final class AgentConnection: Sendable {
    /// What a command finds in its environment unless it says otherwise.
    package static let standardEnvironment = [
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/home/user", "LANG": "C.UTF-8",
    ]

    let link: AgentLink
    /// Who answered.
    package let hello: AgentHello
    private let defaults: [String: String]

    private init(link: AgentLink, hello: AgentHello, defaults: [String: String]) {
        self.link = link
        self.hello = hello
        self.defaults = defaults
    }

    deinit { link.close(because: ProviderError(.interrupted, "the connection to the sandbox's agent was let go")) }

    /// Opens a session over a channel of any kind.
    ///
    /// - Parameters:
    ///   - deadline: how long the agent may take to say hello, the time to connect included.
    ///   - environment: what commands find unless they say otherwise.
    ///   - connect: makes the channel, with the given initialiser applied before it reads its first byte.
    /// - Throws: ``ProviderError``: `timedOut`, `unavailable` if the channel can't be made or breaks, `unsupported` if the agent's version does
    ///   not fit. The channel is closed by then.
    package static func open(
        within deadline: Duration, environment: [String: String] = standardEnvironment,
        connect: sending (_ initializer: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>) -> EventLoopFuture<any Channel>
    ) async throws(ProviderError) -> AgentConnection {
        let opened = Locked<AgentLink?>(nil)
        let future = connect { channel in
            channel.eventLoop.makeCompletedFuture {
                let link = AgentLink(channel: channel)
                try channel.pipeline.syncOperations.addHandler(AgentChannelHandler(link))
                opened.withLock { $0 = link }
            }
        }
        let waiter = AgentWaiter<AgentHello>()
        let timeout = future.eventLoop.scheduleTask(in: TimeAmount(deadline)) {
            waiter.resolve(.failure(ProviderError(.timedOut, "the sandbox's agent did not say hello within \(deadline.display)")))
        }
        future.whenComplete { result in
            switch (result, opened.withLock(\.self)) {
            case (.success, let link?): link.perform { $0.awaitHello(waiter) }
            case (.success(let channel), nil):
                channel.close(promise: nil)
                waiter.resolve(.failure(ProviderError(.unavailable, "the channel to the sandbox's agent was not set up")))
            case (.failure(let error), _):
                waiter.resolve(.failure(ProviderError(.unavailable, "the sandbox's agent can't be reached", vendorDetail: "\(error)")))
            }
        }
        defer { timeout.cancel() }
        do throws(ProviderError) {
            let hello = try await waiter.value {}
            guard let link = opened.withLock(\.self) else { throw ProviderError(.unavailable, "the sandbox's agent can't be reached") }
            return AgentConnection(link: link, hello: hello, defaults: environment)
        } catch {
            future.whenSuccess { $0.close(promise: nil) }
            throw error
        }
    }

    /// Opens a session over a connected socket, which then belongs to the connection, also when this fails.
    package static func open(
        socket: NIOBSDSocket.Handle, on group: any EventLoopGroup, within deadline: Duration,
        environment: [String: String] = standardEnvironment
    ) async throws(ProviderError) -> AgentConnection {
        try await open(within: deadline, environment: environment) { initializer in
            ClientBootstrap(group: group)
                // Frames of 64 KiB come whole more often than not.
                .channelOption(.recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 4096, initial: 16_384, maximum: 131_072))
                .channelInitializer(initializer)
                .withConnectedSocket(socket)
        }
    }

    // MARK: Commands

    /// Starts a command.
    ///
    /// A start whose task is cancelled is undone: if the process came to be, it is killed.
    ///
    /// - Throws: ``ProviderError``: `invalid` with `missingProgram` if there is no such program, `invalid` for what else the sandbox can't do,
    ///   also for a user that is unknown or may not be become; `interrupted` with `afterStart` false if the session ends first.
    package func start(_ command: Command) async throws(ProviderError) -> any SandboxProcess {
        guard let program = command.arguments.first else { throw ProviderError(.invalid, "a command names its program first") }
        var defaults = defaults
        // The agent knows where another user is at home.
        if command.user != nil { defaults["HOME"] = nil }
        let environment = defaults.merging(command.environment) { _, own in own }
        let start = AgentStart(
            arguments: command.arguments,
            environment: environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" },
            directory: command.workingDirectory,
            terminal: command.terminal.map(AgentTerminalSize.init),
            user: command.user)
        let waiter = AgentWaiter<Int32>()
        guard let id = link.perform({ $0.start(start, program: program, waiter) }) else {
            _ = try await waiter.value {}
            throw ProviderError(.unavailable, "the session is closed")  // Not reached: a waiter without a channel has an error.
        }
        let link = link
        _ = try await waiter.value { link.perform { $0.abandonStart(id) } }
        return AgentProcess(id: id, of: self)
    }

    // MARK: Files

    /// Writes a file, making its parent directories; an existing one is replaced at once or not at all.
    package func write(_ path: String, _ content: ByteBuffer, mode: UInt16, as user: String? = nil) async throws(ProviderError) {
        let waiter = AgentWaiter<Void>()
        let id = link.perform { $0.put(path, mode: mode, content, as: user, waiter) }
        let link = link
        try await waiter.value { if let id { link.perform { $0.abandonTransfer(id) } } }
    }

    /// Reads a whole file.
    ///
    /// - Throws: ``ProviderError``: `invalid` if it is missing, no regular file, or larger than `limit` bytes.
    package func read(_ path: String, upTo limit: Int, as user: String? = nil) async throws(ProviderError) -> ByteBuffer {
        let waiter = AgentWaiter<ByteBuffer>()
        let id = link.perform { $0.get(path, upTo: limit, as: user, waiter) }
        let link = link
        return try await waiter.value { if let id { link.perform { $0.abandonTransfer(id) } } }
    }

    /// Asks a question that has one answer. An unanswered one is withdrawn when the task is cancelled.
    func call(_ message: AgentMessage, as user: String? = nil) async throws(ProviderError) -> AgentReply {
        let waiter = AgentWaiter<AgentReply>()
        let id = link.perform { $0.call(message, as: user, waiter) }
        let link = link
        return try await waiter.value { if let id { link.perform { $0.abandonCall(id) } } }
    }

    /// Opens a stream that begins when the agent says so.
    ///
    /// - Returns: the stream, and what was found, if it is a file.
    func openStream(
        _ message: AgentMessage, as user: String? = nil, isDuplex: Bool = false
    ) async throws(ProviderError) -> (stream: AgentStream, entry: AgentFileEntry?) {
        let opener = AgentWaiter<AgentFileEntry?>()
        let stream = try await openStream(message, as: user, isDuplex: isDuplex, opener: opener)
        // If the task is cancelled, the stream is let go of, and so cancelled.
        return (stream, try await opener.value {})
    }

    /// Opens a stream that begins with our bytes.
    func openUpload(_ message: AgentMessage, as user: String? = nil) async throws(ProviderError) -> AgentStream {
        try await openStream(message, as: user, isDuplex: false, opener: nil)
    }

    private func openStream(
        _ message: AgentMessage, as user: String?, isDuplex: Bool, opener: AgentWaiter<AgentFileEntry?>?
    ) async throws(ProviderError) -> AgentStream {
        let refusal = AgentWaiter<Void>()
        let id = link.perform { $0.openStream(message, as: user, isDuplex: isDuplex, refusal: refusal, opener: opener) }
        guard let id else {
            try await refusal.value {}
            throw ProviderError(.unavailable, "the session is closed")  // Not reached: a waiter without a channel has an error.
        }
        return AgentStream(id: id, of: self)
    }

    // MARK: The end

    /// Asks the agent to kill everything and leave. ``waitUntilClosed()`` tells when it has.
    package func shutDown() { link.perform { $0.shutDown() } }

    /// Ends the session at once; the agent then kills everything.
    package func close() { link.close(because: ProviderError(.interrupted, "the sandbox was killed")) }

    /// Returns when the session has ended, whoever ended it; also when the task is cancelled.
    package func waitUntilClosed() async {
        let waiter = AgentWaiter<Void>()
        link.perform { $0.awaitClose(waiter) }
        let link = link
        // The only error is the cancellation, which the caller sees by itself.
        try? await waiter.value { link.perform { $0.withdraw(closeWaiter: waiter) } }
    }

    /// Why the session ended; nil while it lasts.
    package var endReason: ProviderError? {
        if case .closed(let error) = link.phase { error } else { nil }
    }
}

extension AgentTerminalSize {
    init(_ size: TerminalSize) { self.init(columns: UInt16(clamping: size.columns), rows: UInt16(clamping: size.rows)) }
}
