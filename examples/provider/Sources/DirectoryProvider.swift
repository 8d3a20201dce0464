public import Foundation
public import SandstormCore

/// An example of a provider: runs commands as processes of this machine, each sandbox in a directory of its own.
///
/// - Warning: There is no isolation at all: a command can do whatever the user can who runs the gateway. It exists to be read, and to show
///   how a provider is written and proved. A real one must never offer a level of isolation that it does not give.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
public struct DirectoryProvider: SandboxProvider {
    public let id: ProviderID = "directory"
    public let capabilities: ProviderCapabilities
    let root: URL

    /// - Parameter root: where the sandboxes' directories are made. It is all that the provider knows, so that any number of gateways see the same.
    public init(root: URL) throws {
        self.root = root
        try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
        let free = try root.resourceValues(forKeys: [.volumeAvailableCapacityKey]).volumeAvailableCapacity ?? 0
        capabilities = ProviderCapabilities(
            maximum: Resources(
                milliCPU: ProcessInfo.processInfo.activeProcessorCount * 1000, memoryMiB: Int(ProcessInfo.processInfo.physicalMemory >> 20),
                diskGiB: free >> 30),
            openNetwork: true, reattach: true)
        // Writing to a process that has closed its input is an error to be handled, not our end.
        signal(SIGPIPE, SIG_IGN)
    }

    public func refusal(of spec: SandboxSpec) -> String? {
        // What can't be enforced is refused, not ignored.
        if spec.network == .none { return "network none: nothing here keeps a process from the network" }
        return capabilities.refusal(of: spec)
    }

    public func offers(for spec: SandboxSpec) -> [Offer] {
        guard refusal(of: spec) == nil else { return [] }
        // Nothing limits a process here, so what it really gets is everything.
        return [
            Offer(
                id: "directory/default", provider: id, resources: capabilities.maximum, isolation: .standard, price: .free,
                startLatency: .milliseconds(1))
        ]
    }

    public func create(_ spec: SandboxSpec, on offer: Offer, tag: SandboxTag) async throws(ProviderError) -> any Sandbox {
        // The offer may be another spec's, or an old one.
        if let refusal = refusal(of: spec) { throw .unsupported(refusal) }
        if Task.isCancelled { throw ProviderError(.interrupted, "the caller has gone") }
        let sandbox = DirectorySandbox(id: ProviderSandboxID(tag.sandbox.rawValue), directory: root.appending(path: tag.sandbox.rawValue))
        return try await blocking { () throws(ProviderError) in
            // The tag comes first: from then on the sandbox is listed, and can be ended by whoever finds it.
            try sandbox.make(tag)
            return sandbox
        }
    }

    public func attach(_ id: ProviderSandboxID) async throws(ProviderError) -> any Sandbox {
        // A name is looked for among those that exist: it might be any text, such as a path.
        guard try await living().contains(where: { $0.id == id }) else { throw ProviderError(.notFound, "sandbox \(id) is gone") }
        return DirectorySandbox(id: id, directory: root.appending(path: id.rawValue))
    }

    public func sandboxes(taggedBy gateway: GatewayID) async throws(ProviderError) -> [SandboxRecord] {
        try await living().filter { $0.tag.gateway == gateway }
    }

    public func probe() async throws(ProviderError) -> ProviderStatus {
        let isWritable = FileManager.default.isWritableFile(atPath: root.path)
        return ProviderStatus(isHealthy: isWritable, detail: isWritable ? "no isolation: an example" : "\(root.path) can't be written to")
    }

    private func living() async throws(ProviderError) -> [SandboxRecord] {
        try await blocking { [root] () throws(ProviderError) in
            let names = (try? FileManager.default.contentsOfDirectory(atPath: root.path)) ?? []
            return names.compactMap { DirectorySandbox(id: ProviderSandboxID($0), directory: root.appending(path: $0)).record }
        }
    }
}
