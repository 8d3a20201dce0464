package import NIOCore
package import SandstormCore

/// A process that an agent runs.
package final class AgentProcess: SandboxProcess {
    private let id: UInt32
    private let connection: AgentConnection

    init(id: UInt32, of connection: AgentConnection) {
        self.id = id
        self.connection = connection
    }

    deinit { connection.link.perform { $0.forget(id) } }

    package var events: ProcessEvents {
        ProcessEvents { () async throws(ProviderError) in try await self.nextEvent() }
    }

    private func nextEvent() async throws(ProviderError) -> ProcessEvent? {
        let waiter = AgentWaiter<ProcessEvent?>()
        let (link, id) = (connection.link, id)
        link.perform { $0.pull(from: id, waiter) }
        return try await waiter.value { link.perform { $0.withdraw(eventWaiter: waiter, from: id) } }
    }

    /// Returns when the agent has the room for all of the bytes. What the process never reads is dropped without a word.
    package func write(_ bytes: ByteBuffer) async throws(ProviderError) {
        let waiter = AgentWaiter<Void>()
        let (link, id) = (connection.link, id)
        link.perform { $0.write(bytes, to: id, waiter) }
        try await waiter.value { link.perform { $0.withdraw(writeWaiter: waiter, from: id) } }
    }

    package func closeInput() async throws(ProviderError) {
        let waiter = AgentWaiter<Void>()
        connection.link.perform { $0.closeInput(of: id, waiter) }
        // An end that waits behind other writes stays in line when nobody waits for it any more.
        try await waiter.value {}
    }

    package func signal(_ signal: Signal, to target: SignalTarget) async throws(ProviderError) {
        try connection.link.perform { (session) throws(ProviderError) in try session.signal(signal.rawValue, target, to: id) }
    }

    package func resize(columns: Int, rows: Int) async throws(ProviderError) {
        let size = AgentTerminalSize(TerminalSize(columns: columns, rows: rows))
        try connection.link.perform { (session) throws(ProviderError) in try session.resize(size, of: id) }
    }
}
