public import NIOCore

#if canImport(FoundationEssentials)
public import FoundationEssentials
#else
public import Foundation
#endif

/// A living environment.
public protocol Sandbox: Sendable {
    /// The provider's name for it.
    var id: ProviderSandboxID { get }

    /// Starts a command.
    ///
    /// - Throws: ``ProviderError``; `invalid` with ``ProviderError/missingProgram`` set if there is no such program.
    func start(_ command: Command) async throws(ProviderError) -> any SandboxProcess

    /// The files inside.
    var files: any SandboxFiles { get }

    /// Freezes every process.
    func pause() async throws(ProviderError)

    /// Lets frozen processes go on.
    func resume() async throws(ProviderError)

    /// Keeps a copy of the sandbox from which others can start.
    func snapshot(_ kind: SnapshotKind) async throws(ProviderError) -> ProviderSnapshot

    /// The address at which a port of the sandbox can be reached.
    func endpoint(port: Int) async throws(ProviderError) -> URL

    /// Lets the sandbox live until `lease`.
    func extend(to lease: Date) async throws(ProviderError)

    /// Ends the sandbox and everything in it. Idempotent: killing what is gone succeeds. When it returns, nothing runs any more.
    func kill() async throws(ProviderError)
}

/// The defaults of what not every place can do.
extension Sandbox {
    /// Throws `unsupported`, for places that can't freeze.
    public func pause() async throws(ProviderError) { throw .unsupported("pause") }
    /// Throws `unsupported`, for places that can't freeze.
    public func resume() async throws(ProviderError) { throw .unsupported("resume") }
    /// Throws `unsupported`, for places without snapshots.
    public func snapshot(_ kind: SnapshotKind) async throws(ProviderError) -> ProviderSnapshot { throw .unsupported("snapshot") }
    /// Throws `unsupported`, for places whose ports can't be reached.
    public func endpoint(port: Int) async throws(ProviderError) -> URL { throw .unsupported("ports") }
}

/// What a snapshot keeps.
public enum SnapshotKind: String, CaseIterable, Hashable, Sendable {
    case filesystem, memory
}

/// A snapshot under the name that its provider gave it.
public struct ProviderSnapshot: Hashable, Sendable {
    /// The name in the provider's own form, opaque to everything but its adapter.
    public var id: String
    /// What it keeps of the sandbox.
    public var kind: SnapshotKind

    /// Takes any name; whether there is such a snapshot is not checked.
    public init(id: String, kind: SnapshotKind) {
        self.id = id
        self.kind = kind
    }
}

/// The files inside a sandbox. Paths are absolute, or relative to the workspace.
public protocol SandboxFiles: Sendable {
    /// Writes a file, making its parent directories; an existing one is replaced at once or not at all.
    func write(_ path: String, _ content: ByteBuffer, mode: UInt16) async throws(ProviderError)

    /// Reads a whole file.
    ///
    /// - Throws: ``ProviderError``: `invalid` if it is no regular file or larger than `limit` bytes.
    func read(_ path: String, upTo limit: Int) async throws(ProviderError) -> ByteBuffer
}
