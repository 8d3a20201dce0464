import NIOCore
package import SandstormCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A place whose sandboxes run nothing, at once and for nothing: what remains of a request is what the gateway itself costs.
///
/// Two commands mean something: `echo` prints its arguments, and `sleep` ends after that many seconds. All others end at once with 0,
/// and so does code in any language.
package final class NullProvider: SandboxProvider {
    package let id: ProviderID = "null"
    package let capabilities = ProviderCapabilities(
        maximum: Resources(milliCPU: 64_000, memoryMiB: 524_288, diskGiB: 1024), openNetwork: true, teardownTime: .zero)

    private let living = Locked<[ProviderSandboxID: SandboxRecord]>([:])

    package init() {}

    package func offers(for spec: SandboxSpec) -> [Offer] {
        guard refusal(of: spec) == nil else { return [] }
        return [
            Offer(id: "null/standard", provider: id, resources: spec.resources, isolation: .standard, price: .free, startLatency: .zero)
        ]
    }

    package func create(_ spec: SandboxSpec, on offer: Offer, tag: SandboxTag) async throws(ProviderError) -> any Sandbox {
        let id = ProviderSandboxID("null-\(tag.sandbox)")
        living.withLock { $0[id] = SandboxRecord(id: id, tag: tag, createdAt: Date()) }
        return NullSandbox(id: id, provider: self)
    }

    package func attach(_ id: ProviderSandboxID) async throws(ProviderError) -> any Sandbox {
        guard isAlive(id) else { throw ProviderError(.notFound, "sandbox \(id) is gone") }
        return NullSandbox(id: id, provider: self)
    }

    package func sandboxes(taggedBy gateway: GatewayID) async throws(ProviderError) -> [SandboxRecord] {
        living.withLock { $0.values.filter { $0.tag.gateway == gateway } }
    }

    package func probe() async throws(ProviderError) -> ProviderStatus {
        ProviderStatus(isHealthy: true, detail: "runs nothing; for measuring the gateway")
    }

    fileprivate func isAlive(_ id: ProviderSandboxID) -> Bool { living.withLock { $0[id] != nil } }
    fileprivate func end(_ id: ProviderSandboxID) { _ = living.withLock { $0.removeValue(forKey: id) } }
}

private struct NullSandbox: Sandbox {
    let id: ProviderSandboxID
    let provider: NullProvider

    var files: any SandboxFiles { NullFiles() }

    func start(_ command: Command) async throws(ProviderError) -> any SandboxProcess {
        guard provider.isAlive(id) else { throw ProviderError(.notFound, "sandbox \(id) is gone") }
        return NullProcess(command.arguments)
    }

    func extend(to lease: Date) async throws(ProviderError) {}
    func kill() async throws(ProviderError) { provider.end(id) }
}

/// Plays one command's few events.
private final class NullProcess: SandboxProcess {
    private let rest: Locked<ArraySlice<ProcessEvent>>
    private let pause: Duration
    private let killed = Locked(false)

    init(_ arguments: [String]) {
        var script: [ProcessEvent] = [.started(pid: 2)]
        if arguments.first == "echo" {
            script.append(.stdout(ByteBuffer(string: arguments.dropFirst().joined(separator: " ") + "\n")))
        }
        script.append(.exited(ExitStatus(.code(0))))
        rest = Locked(script[...])
        pause = arguments.first == "sleep" ? .seconds(arguments.last.flatMap { Double($0) } ?? 0) : .zero
    }

    var events: ProcessEvents {
        ProcessEvents { () async throws(ProviderError) in
            let event = self.rest.withLock { $0.popFirst() }
            if case .exited? = event, self.pause > .zero, await self.isKilledWithin(self.pause) {
                return .exited(ExitStatus(.signal(.kill)))
            }
            return event
        }
    }

    private func isKilledWithin(_ time: Duration) async -> Bool {
        let end = ContinuousClock.now + time
        while ContinuousClock.now < end, !killed.withLock(\.self) {
            do { try await Task.sleep(for: min(.milliseconds(100), end - .now)) } catch { return true }
        }
        return killed.withLock(\.self)
    }

    func write(_ bytes: ByteBuffer) async throws(ProviderError) {}
    func closeInput() async throws(ProviderError) {}
    func signal(_ signal: Signal, to target: SignalTarget) async throws(ProviderError) { killed.withLock { $0 = true } }
    func resize(columns: Int, rows: Int) async throws(ProviderError) {}
}

/// Takes every file and has none.
private struct NullFiles: SandboxFiles {
    private func missing(_ path: String) -> ProviderError {
        ProviderError(.invalid, "\(path): a sandbox that runs nothing keeps no files", fileProblem: .notFound)
    }

    func write(_ path: String, _ content: ByteBuffer, mode: UInt16) async throws(ProviderError) {}
    func write(_ path: String, from content: ByteStream, mode: UInt16) async throws(ProviderError) {
        var pieces = content.makeAsyncIterator()
        while try await pieces.next(isolation: nil) != nil {}
    }
    func read(_ path: String, upTo limit: Int) async throws(ProviderError) -> ByteBuffer { throw missing(path) }
    func open(_ path: String, range: Range<Int64>?) async throws(ProviderError) -> FileContent { throw missing(path) }
    func info(_ path: String, followingLinks: Bool) async throws(ProviderError) -> FileInfo { throw missing(path) }
    func list(_ path: String, depth: Int) async throws(ProviderError) -> [FileInfo] { [] }
    func makeDirectory(_ path: String, mode: UInt16) async throws(ProviderError) -> Bool { true }
    func move(_ source: String, to destination: String, replacing: Bool) async throws(ProviderError) { throw missing(source) }
    func remove(_ path: String, recursively: Bool) async throws(ProviderError) { throw missing(path) }
    func setAttributes(_ attributes: FileAttributes, of path: String) async throws(ProviderError) { throw missing(path) }
    func archive(_ path: String) async throws(ProviderError) -> ByteStream { throw missing(path) }
    func extract(_ archive: ByteStream, into path: String) async throws(ProviderError) {
        var pieces = archive.makeAsyncIterator()
        while try await pieces.next(isolation: nil) != nil {}
    }
}
