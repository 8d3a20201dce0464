package import NIOCore
package import SandstormCore

/// The commands in living sandboxes.
extension Engine {
    /// Starts a command.
    ///
    /// A process that is not detached is killed when nobody has followed it for ``EngineConfiguration/reconnectTime``.
    package func startProcess(
        _ request: ProcessRequest, in sandbox: SandboxID, for principal: Principal
    ) async throws(EngineError) -> SandboxProcessHandle {
        let living = try await living(sandbox, for: principal)
        let place = try living.place()
        if request.command.terminal != nil, !place.provider.capabilities.terminal {
            throw EngineError(.unsupported, "\(place.provider.id) has no terminals")
        }
        var command = request.command
        command.environment.merge(living.run.request.spec.environment) { own, _ in own }
        let started = try await ask(living) { [command] () async throws(ProviderError) in
            let started = try await place.sandbox.start(command)
            do throws(ProviderError) {
                return (started, try await Engine.pid(of: started))
            } catch {
                // Cut off in between, it would run without anybody who knows it.
                await shielded { try? await started.signal(.kill) }
                throw error
            }
        }
        let process = LivingProcess(started.0, pid: started.1, request, in: living, configuration)
        do throws(EngineError) {
            try living.add(process)
        } catch {
            await shielded { try? await started.0.signal(.kill) }
            throw error
        }
        await process.begin()
        return SandboxProcessHandle(info: process.info, events: process.events(after: 0, following: true))
    }

    /// What a process says first.
    private static func pid(of process: any SandboxProcess) async throws(ProviderError) -> Int32 {
        var iterator = process.events.makeAsyncIterator()
        guard case .started(let pid) = try await iterator.next(isolation: nil) else {
            throw ProviderError(.unavailable, "the process did not say that it was started")
        }
        return pid
    }

    /// The processes that were started in a sandbox: those that run, and those that ended lately.
    package func processes(in sandbox: SandboxID, for principal: Principal) async throws(EngineError) -> [SandboxProcessInfo] {
        try await living(sandbox, for: principal).processes
    }

    /// One of them.
    package func process(
        _ id: ProcessID, in sandbox: SandboxID, for principal: Principal
    ) async throws(EngineError) -> SandboxProcessInfo {
        try await living(sandbox, for: principal).process(id).info
    }

    /// The process that a pid or a label stands for: one that runs if there is one, else the last that did.
    ///
    /// - Throws: `notFound`, also once an ended process is forgotten.
    package func process(
        _ selector: ProcessSelector, in sandbox: SandboxID, for principal: Principal
    ) async throws(EngineError) -> SandboxProcessInfo {
        let candidates = try await living(sandbox, for: principal).processes.filter(selector.matches)
        guard let process = candidates.last(where: \.isRunning) ?? candidates.last else {
            throw EngineError(.notFound, "there is no process with \(selector) in sandbox \(sandbox)")
        }
        return process
    }

    /// What a process does from now on, without what it did before; of one that has ended, its end.
    package func newProcessEvents(
        _ id: ProcessID, in sandbox: SandboxID, for principal: Principal
    ) async throws(EngineError) -> SandboxProcessEvents {
        try await living(sandbox, for: principal).process(id).events(after: nil, following: true)
    }

    /// What a process does, from after an event on.
    ///
    /// - Parameter following: wait for events to come while the process runs; it then counts as followed.
    package func processEvents(
        _ id: ProcessID, in sandbox: SandboxID, after sequence: Int, following: Bool, for principal: Principal
    ) async throws(EngineError) -> SandboxProcessEvents {
        try await living(sandbox, for: principal).process(id).events(after: max(0, sequence), following: following)
    }

    /// Writes to standard input; returns when the bytes are on their way. What a process does not read any more is dropped.
    package func write(
        _ bytes: ByteBuffer, to id: ProcessID, in sandbox: SandboxID, for principal: Principal
    ) async throws(EngineError) { try await process(id, to: sandbox, principal).write(bytes) }

    /// Ends standard input.
    package func closeInput(of id: ProcessID, in sandbox: SandboxID, for principal: Principal) async throws(EngineError) {
        try await process(id, to: sandbox, principal).closeInput()
    }

    /// Sends a signal; to a process that has ended nothing happens.
    package func signal(
        _ signal: Signal, to target: SignalTarget, of id: ProcessID, in sandbox: SandboxID, for principal: Principal
    ) async throws(EngineError) { try await process(id, to: sandbox, principal).signal(signal, to: target) }

    /// Changes the size of a process's terminal.
    package func resize(
        _ size: TerminalSize, of id: ProcessID, in sandbox: SandboxID, for principal: Principal
    ) async throws(EngineError) { try await process(id, to: sandbox, principal).resize(size) }

    /// A process that is to be told something: its sandbox must not be frozen.
    private func process(_ id: ProcessID, to sandbox: SandboxID, _ principal: Principal) async throws(EngineError) -> LivingProcess {
        let living = try await living(sandbox, for: principal)
        let process = try living.process(id)
        _ = try living.place()
        return process
    }
}

/// How a process is known inside its sandbox.
package enum ProcessSelector: Hashable, Sendable, CustomStringConvertible {
    case pid(Int32)
    case label(String)

    func matches(_ process: SandboxProcessInfo) -> Bool {
        switch self {
        case .pid(let pid): process.pid == pid
        case .label(let label): process.label == label
        }
    }

    package var description: String {
        switch self {
        case .pid(let pid): "pid \(pid)"
        case .label(let label): "label \"\(label)\""
        }
    }
}

/// A process that was started, in the hands of whoever asked for it.
package struct SandboxProcessHandle: Sendable {
    /// As it was started.
    package let info: SandboxProcessInfo
    /// Everything that it does, from `started` on. Letting go of them lets go of a process that is not detached.
    package let events: SandboxProcessEvents
}

/// The events of one process in a living sandbox, with back pressure: a process waits for the slowest reader that paces it. One consumer.
package struct SandboxProcessEvents: AsyncSequence, Sendable {
    package typealias Element = SandboxProcessEvent
    package typealias Failure = EngineError

    private let pull: @Sendable () async throws(EngineError) -> SandboxProcessEvent?

    package init(_ pull: @escaping @Sendable () async throws(EngineError) -> SandboxProcessEvent?) { self.pull = pull }

    package func makeAsyncIterator() -> Iterator { Iterator(pull: pull) }

    package struct Iterator: AsyncIteratorProtocol {
        fileprivate let pull: @Sendable () async throws(EngineError) -> SandboxProcessEvent?

        package mutating func next() async throws -> SandboxProcessEvent? { try await pull() }

        package mutating func next(isolation actor: isolated (any Actor)?) async throws(EngineError) -> SandboxProcessEvent? {
            try await pull()
        }
    }
}
