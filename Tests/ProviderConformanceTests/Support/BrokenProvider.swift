import Foundation
import NIOCore
import SandstormCore

/// What can be wrong with a provider.
enum Defect: String, CaseIterable, Sendable {
    case swallowsExitCodes, tellsSignalsAsCodes, dropsErrors, mixesErrorsIntoOutput, holdsOutputBackUntilTheEnd, losesTheLastPiece
    case replacesBytesThatAreNoText, reordersOutput, endsWithoutAnExit, tellsAKillAsAnExit, losesInput, ignoresTheEndOfInput
    case dropsTheEnvironment, ignoresTheDirectory, sendsSignalsToNobody, callsAMissingProgramUnavailable, succeedsAtMissingPrograms
    case keepsSandboxesAlive, hidesSandboxes, listsStrangersSandboxes, losesTags, cannotKillTwice, findsWhatWasKilled
    case offersTheImpossible, cutsFiles, ignoresPermissions, forgetsWhatIsWrongWithFiles, pausesInNameOnly, refusesNothing,
        connectsEverybody, ignoresAllowLists, hangs
}

/// A provider with one defect over one without.
struct BrokenProvider: SandboxProvider {
    let base: any SandboxProvider
    let defect: Defect

    var id: ProviderID { base.id }
    var capabilities: ProviderCapabilities {
        var capabilities = base.capabilities
        switch defect {
        case .pausesInNameOnly: capabilities.pause = true
        case .refusesNothing: capabilities.pause = false
        case .ignoresAllowLists: capabilities.networkAllowList = true
        default: break
        }
        return capabilities
    }

    func offers(for spec: SandboxSpec) -> [Offer] {
        let spec = connected(spec)
        guard defect == .offersTheImpossible, base.refusal(of: spec) != nil else { return base.offers(for: spec) }
        return base.offers(for: SandboxSpec())
    }
    func refusal(of spec: SandboxSpec) -> String? { defect == .offersTheImpossible ? nil : base.refusal(of: spec) }

    /// The spec with the network that it gets.
    private func connected(_ spec: SandboxSpec) -> SandboxSpec {
        var spec = spec
        switch (defect, spec.network) {
        case (.connectsEverybody, .none), (.ignoresAllowLists, .allow): spec.network = .open
        default: break
        }
        return spec
    }

    func create(_ spec: SandboxSpec, on offer: Offer, tag: SandboxTag) async throws(ProviderError) -> any Sandbox {
        var tag = tag
        if defect == .losesTags { tag.attempt = .generate() }
        return BrokenSandbox(base: try await base.create(connected(spec), on: offer, tag: tag), defect: defect)
    }
    func attach(_ id: ProviderSandboxID) async throws(ProviderError) -> any Sandbox {
        do throws(ProviderError) {
            return BrokenSandbox(base: try await base.attach(id), defect: defect)
        } catch {
            guard defect == .findsWhatWasKilled else { throw error }
            return BrokenSandbox(base: Ghost(id: id), defect: defect)
        }
    }
    func destroy(_ id: ProviderSandboxID) async throws(ProviderError) {
        try await base.destroy(id)
    }
    func sandboxes(taggedBy gateway: GatewayID) async throws(ProviderError) -> [SandboxRecord] {
        var records = try await base.sandboxes(taggedBy: gateway)
        if defect == .hidesSandboxes { records = [] }
        if defect == .listsStrangersSandboxes {
            let tag = SandboxTag(gateway: .generate(), run: .generate(), attempt: .generate(), sandbox: .generate())
            records.append(SandboxRecord(id: ProviderSandboxID("another's"), tag: tag, createdAt: Date()))
        }
        return records
    }
    func probe() async throws(ProviderError) -> ProviderStatus { try await base.probe() }
}

/// What a provider makes up that finds everything.
private struct Ghost: Sandbox {
    let id: ProviderSandboxID
    var files: any SandboxFiles { fatalError("nobody asks a ghost for files") }
    func start(_ command: Command) async throws(ProviderError) -> any SandboxProcess { throw ProviderError(.notFound, "gone") }
    func extend(to lease: Date) async throws(ProviderError) {}
    func kill() async throws(ProviderError) {}
}

private final class BrokenSandbox: Sandbox {
    let base: any Sandbox
    let defect: Defect
    private let isKilled = Locked(false)

    init(base: any Sandbox, defect: Defect) {
        self.base = base
        self.defect = defect
    }

    var id: ProviderSandboxID { base.id }
    var files: any SandboxFiles { BrokenFiles(base: base.files, defect: defect) }

    func start(_ command: Command) async throws(ProviderError) -> any SandboxProcess {
        var command = command
        if defect == .dropsTheEnvironment { command.environment = [:] }
        if defect == .ignoresTheDirectory { command.workingDirectory = SandboxSpec.workspace }
        do throws(ProviderError) {
            return BrokenProcess(base: try await base.start(command), defect: defect)
        } catch {
            switch defect {
            case .callsAMissingProgramUnavailable where error.missingProgram != nil: throw ProviderError(.unavailable, "no such program")
            case .succeedsAtMissingPrograms where error.missingProgram != nil:
                return BrokenProcess(base: try await base.start(Command(["/bin/sh", "-c", "exit 127"])), defect: defect)
            default: throw error
            }
        }
    }

    func pause() async throws(ProviderError) {
        if defect != .pausesInNameOnly, defect != .refusesNothing { try await base.pause() }
    }
    func resume() async throws(ProviderError) {
        if defect != .pausesInNameOnly, defect != .refusesNothing { try await base.resume() }
    }
    func snapshot(_ kind: SnapshotKind) async throws(ProviderError) -> ProviderSnapshot { try await base.snapshot(kind) }
    func fork(tag: SandboxTag) async throws(ProviderError) -> any Sandbox { try await base.fork(tag: tag) }
    func endpoint(port: Int) async throws(ProviderError) -> SandboxEndpoint { try await base.endpoint(port: port) }
    func usage() async throws(ProviderError) -> SandboxUsage { try await base.usage() }
    func extend(to lease: Date) async throws(ProviderError) { try await base.extend(to: lease) }

    func kill() async throws(ProviderError) {
        if defect == .keepsSandboxesAlive { return }
        let isSecond = isKilled.withLock { isKilled in
            defer { isKilled = true }
            return isKilled
        }
        if defect == .cannotKillTwice, isSecond { throw ProviderError(.notFound, "it is gone") }
        try await base.kill()
    }
}

private struct BrokenFiles: SandboxFiles {
    let base: any SandboxFiles
    let defect: Defect

    func write(_ path: String, _ content: ByteBuffer, mode: UInt16) async throws(ProviderError) {
        try await base.write(path, content, mode: defect == .ignoresPermissions ? 0o644 : mode)
    }
    func write(_ path: String, from content: ByteStream, mode: UInt16) async throws(ProviderError) {
        try await base.write(path, from: content, mode: mode)
    }
    func read(_ path: String, upTo limit: Int) async throws(ProviderError) -> ByteBuffer {
        do throws(ProviderError) {
            let content = try await base.read(path, upTo: limit)
            return defect == .cutsFiles ? content.getSlice(at: 0, length: min(65_536, content.readableBytes)) ?? content : content
        } catch {
            guard defect == .forgetsWhatIsWrongWithFiles else { throw error }
            throw ProviderError(error.code, error.message)
        }
    }
    func open(_ path: String, range: Range<Int64>?) async throws(ProviderError) -> FileContent { try await base.open(path, range: range) }
    func info(_ path: String, followingLinks: Bool) async throws(ProviderError) -> FileInfo {
        try await base.info(path, followingLinks: followingLinks)
    }
    func list(_ path: String, depth: Int) async throws(ProviderError) -> [FileInfo] { try await base.list(path, depth: depth) }
    func makeDirectory(_ path: String, mode: UInt16) async throws(ProviderError) -> Bool { try await base.makeDirectory(path, mode: mode) }
    func move(_ source: String, to destination: String, replacing: Bool) async throws(ProviderError) {
        try await base.move(source, to: destination, replacing: replacing)
    }
    func remove(_ path: String, recursively: Bool) async throws(ProviderError) { try await base.remove(path, recursively: recursively) }
    func setAttributes(_ attributes: FileAttributes, of path: String) async throws(ProviderError) {
        try await base.setAttributes(attributes, of: path)
    }
    func watch(_ path: String, recursively: Bool) async throws(ProviderError) -> FileChanges {
        try await base.watch(path, recursively: recursively)
    }
    func archive(_ path: String) async throws(ProviderError) -> ByteStream { try await base.archive(path) }
    func extract(_ archive: ByteStream, into path: String) async throws(ProviderError) { try await base.extract(archive, into: path) }
}

private final class BrokenProcess: SandboxProcess {
    let base: any SandboxProcess
    let defect: Defect
    /// Events that are held back.
    private let held = Locked<[ProcessEvent]>([])
    private let isOver = Locked(false)

    init(base: any SandboxProcess, defect: Defect) {
        self.base = base
        self.defect = defect
    }

    var events: ProcessEvents {
        let events = base.events
        return ProcessEvents { [self] () async throws(ProviderError) in
            var iterator = events.makeAsyncIterator()
            while true {
                if isOver.withLock(\.self), let event = held.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) { return event }
                let event: ProcessEvent?
                do throws(ProviderError) {
                    event = try await iterator.next(isolation: nil)
                } catch {
                    guard defect == .tellsAKillAsAnExit, error.code == .interrupted, !isOver.withLock(\.self) else { throw error }
                    isOver.withLock { $0 = true }
                    return .exited(ExitStatus(.signal(.kill)))
                }
                guard let event else { return nil }
                if let event = spoiled(event) { return event }
                if defect == .endsWithoutAnExit, case .exited = event { return nil }
            }
        }
    }

    private func spoiled(_ event: ProcessEvent) -> ProcessEvent? {
        switch (defect, event) {
        case (.swallowsExitCodes, .exited): return .exited(ExitStatus(.code(0)))
        case (.tellsSignalsAsCodes, .exited(let status)): return .exited(ExitStatus(.code(status.shellCode)))
        case (.dropsErrors, .stderr), (.endsWithoutAnExit, .exited): return nil
        case (.mixesErrorsIntoOutput, .stderr(let bytes)): return .stdout(bytes)
        case (.replacesBytesThatAreNoText, .stdout(let bytes)): return .stdout(ByteBuffer(string: String(buffer: bytes)))
        case (.holdsOutputBackUntilTheEnd, .stdout), (.losesTheLastPiece, .stdout), (.reordersOutput, .stdout):
            // What came before, if only the newest is held back.
            return held.withLock { held in
                held.append(event)
                if defect == .losesTheLastPiece, held.count > 1 { return held.removeFirst() }
                return nil
            }
        case (.holdsOutputBackUntilTheEnd, .exited), (.reordersOutput, .exited):
            isOver.withLock { $0 = true }
            return held.withLock { held in
                if defect == .reordersOutput { held.reverse() }
                held.append(event)
                return held.removeFirst()
            }
        default: return event
        }
    }

    func write(_ bytes: ByteBuffer) async throws(ProviderError) {
        if defect == .losesInput { return }
        try await base.write(bytes)
    }
    func closeInput() async throws(ProviderError) {
        if defect == .hangs {
            // Not even when it is cancelled.
            await withCheckedContinuation { continuation in
                Thread.detachNewThread {
                    sleep(3600)
                    continuation.resume()
                }
            }
        }
        if defect != .ignoresTheEndOfInput { try await base.closeInput() }
    }
    func signal(_ signal: Signal, to target: SignalTarget) async throws(ProviderError) {
        if defect != .sendsSignalsToNobody { try await base.signal(signal, to: target) }
    }
    func resize(columns: Int, rows: Int) async throws(ProviderError) { try await base.resize(columns: columns, rows: rows) }
}

/// Not broken: does less, and says so.
struct WithoutTerminals: SandboxProvider {
    let base: any SandboxProvider
    var id: ProviderID { base.id }
    var capabilities: ProviderCapabilities {
        var capabilities = base.capabilities
        capabilities.terminal = false
        return capabilities
    }
    func offers(for spec: SandboxSpec) -> [Offer] { base.offers(for: spec) }
    func create(_ spec: SandboxSpec, on offer: Offer, tag: SandboxTag) async throws(ProviderError) -> any Sandbox {
        Plain(base: try await base.create(spec, on: offer, tag: tag))
    }
    func attach(_ id: ProviderSandboxID) async throws(ProviderError) -> any Sandbox { Plain(base: try await base.attach(id)) }
    func sandboxes(taggedBy gateway: GatewayID) async throws(ProviderError) -> [SandboxRecord] {
        try await base.sandboxes(taggedBy: gateway)
    }
    func probe() async throws(ProviderError) -> ProviderStatus { try await base.probe() }

    private struct Plain: Sandbox {
        let base: any Sandbox
        var id: ProviderSandboxID { base.id }
        var files: any SandboxFiles { base.files }
        func start(_ command: Command) async throws(ProviderError) -> any SandboxProcess {
            if command.terminal != nil { throw .unsupported("terminal") }
            return try await base.start(command)
        }
        func extend(to lease: Date) async throws(ProviderError) { try await base.extend(to: lease) }
        func kill() async throws(ProviderError) { try await base.kill() }
    }
}
