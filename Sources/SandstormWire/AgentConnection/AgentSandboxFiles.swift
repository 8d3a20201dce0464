package import NIOCore
package import SandstormCore

/// The files of a sandbox, read and written by its agent: no path, however it is twisted, leads out of the sandbox.
package struct AgentSandboxFiles: SandboxFiles {
    private let connection: AgentConnection

    package init(_ connection: AgentConnection) { self.connection = connection }

    package func write(_ path: String, _ content: ByteBuffer, mode: UInt16) async throws(ProviderError) {
        try await connection.write(absolute(path), content, mode: mode)
    }

    package func read(_ path: String, upTo limit: Int) async throws(ProviderError) -> ByteBuffer {
        try await connection.read(absolute(path), upTo: limit)
    }

    private func absolute(_ path: String) -> String { path.hasPrefix("/") ? path : "\(SandboxSpec.workspace)/\(path)" }
}
