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

    /// The files inside as another user handles them, who then owns what is made.
    ///
    /// - Parameter user: by name or number; `nil` for the usual one. Whether there is such a user may be found out only by the calls, which
    ///   then throw `invalid`.
    func files(as user: String?) throws(ProviderError) -> any SandboxFiles

    /// Freezes every process: none of them runs, and none loses anything, until ``resume()``. Pausing what is paused succeeds.
    func pause() async throws(ProviderError)

    /// Lets frozen processes go on. Resuming what runs succeeds.
    func resume() async throws(ProviderError)

    /// Keeps a copy of the sandbox from which others can start; the sandbox itself goes on.
    ///
    /// A filesystem snapshot is consistent: it holds the files as they were at one moment, however busy the sandbox is.
    func snapshot(_ kind: SnapshotKind) async throws(ProviderError) -> ProviderSnapshot

    /// Makes a second sandbox with this one's files (and, where the place can, its processes); both go on independently.
    ///
    /// - Parameter tag: the new sandbox's own.
    /// - Throws: ``ProviderError``; its `mayHaveTakenEffect` says whether a sandbox may exist all the same.
    func fork(tag: SandboxTag) async throws(ProviderError) -> any Sandbox

    /// The address at which a TCP port of the sandbox speaks HTTP to whoever has the address.
    ///
    /// It is made without looking whether anything listens on the port.
    func endpoint(port: Int) async throws(ProviderError) -> SandboxEndpoint

    /// What the sandbox uses at this moment.
    func usage() async throws(ProviderError) -> SandboxUsage

    /// Changes what the sandbox may reach from now on; what it has open elsewhere is cut off too.
    ///
    /// - Throws: ``ProviderError``: `unsupported` for what can't be enforced on this sandbox, with nothing changed. After any other error it reaches
    ///   at most what it was to reach.
    func setNetwork(_ policy: NetworkPolicy) async throws(ProviderError)

    /// Lets the sandbox live until `lease`, for places that end sandboxes by a clock of their own.
    func extend(to lease: Date) async throws(ProviderError)

    /// Ends the sandbox and everything in it. Idempotent: killing what is gone succeeds. When it returns, nothing runs any more.
    func kill() async throws(ProviderError)
}

/// The defaults of what not every place can do.
extension Sandbox {
    /// Throws `unsupported` for any but the usual user, for places that have no other.
    public func files(as user: String?) throws(ProviderError) -> any SandboxFiles {
        if let user { throw .unsupported("files as user \(user)") }
        return files
    }
    /// Throws `unsupported`, for places that can't freeze.
    public func pause() async throws(ProviderError) { throw .unsupported("pause") }
    /// Throws `unsupported`, for places that can't freeze.
    public func resume() async throws(ProviderError) { throw .unsupported("resume") }
    /// Throws `unsupported`, for places without snapshots.
    public func snapshot(_ kind: SnapshotKind) async throws(ProviderError) -> ProviderSnapshot { throw .unsupported("snapshot") }
    /// Throws `unsupported`, for places that can't double a sandbox.
    public func fork(tag: SandboxTag) async throws(ProviderError) -> any Sandbox { throw .unsupported("fork") }
    /// Throws `unsupported`, for places whose ports can't be reached.
    public func endpoint(port: Int) async throws(ProviderError) -> SandboxEndpoint { throw .unsupported("ports") }
    /// Throws `unsupported`, for places that can't change it.
    public func setNetwork(_ policy: NetworkPolicy) async throws(ProviderError) { throw .unsupported("change of the network") }
    /// Throws `unsupported`, for places that don't measure.
    public func usage() async throws(ProviderError) -> SandboxUsage { throw .unsupported("usage") }
}

/// Where a port of a sandbox can be reached.
public struct SandboxEndpoint: Hashable, Sendable {
    /// `http`, `https`, or `http+unix` with the socket's path, percent-encoded, as the host (for what only this machine can reach).
    public var url: URL
    /// Header fields that every request needs, such as a traffic token. Secrets: never for logs.
    public var headers: [String: String]

    /// An address that by default needs no header fields.
    public init(url: URL, headers: [String: String] = [:]) {
        self.url = url
        self.headers = headers
    }
}

/// What a sandbox uses at one moment; `nil` for what the place does not tell.
public struct SandboxUsage: Hashable, Sendable {
    /// CPU time used since the sandbox was made.
    public var cpuTime: Duration?
    /// Memory in use, in bytes.
    public var memory: Int64?
    /// The most memory that was ever in use, in bytes.
    public var peakMemory: Int64?
    /// The most memory that may be in use, in bytes.
    public var memoryLimit: Int64?
    /// Bytes written to its disk that are still there.
    public var disk: Int64?
    /// The disk's size in bytes.
    public var diskLimit: Int64?
    /// Processes and threads that exist.
    public var processes: Int?

    /// Nothing is known at first.
    public init() {}
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
