#if os(Linux)
import Glibc
import NIOCore
import NIOPosix
import SandstormCore
import SandstormWire

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Makes one sandbox, or nothing.
struct SandboxMaker: Sendable {
    let host: Host
    let launcher: any Launcher
    let spec: SandboxSpec
    let id: String
    let tag: SandboxTag

    /// A sandbox that waits for its launcher.
    private struct Prepared: Sendable {
        var command: LaunchCommand
        var environment: [String: String]
    }

    /// A launched one, whose agent is about to say hello.
    private struct Launched: Sendable {
        /// Our end of the agent's socket.
        var socket: Descriptor
        /// Our end of the launcher's standard error.
        var complaints: Descriptor
    }

    /// - Returns: what is to be removed when the sandbox ends, and the session with its agent.
    /// - Throws: with nothing left behind.
    func make() async throws(ProviderError) -> (SandboxRemains, AgentConnection) {
        let directory = host.directory(of: id)
        let remains = SandboxRemains(SandboxJournal(id: id, tag: tag, createdAt: Date(), directory: directory))
        do throws(ProviderError) {
            let prepared = try await HostThreads.run { Result { () throws(ProviderError) in try prepare(remains) } }.get()
            try checkCancellation()
            let launched = try await HostThreads.run(on: HostThreads.spawning) {
                Result { () throws(ProviderError) in try launch(prepared, remains) }
            }.get()
            let connection = try await connect(launched, prepared, remains)
            do throws(ProviderError) {
                try checkCancellation()
            } catch {
                connection.close()
                throw error
            }
            return (remains, connection)
        } catch {
            do throws(ProviderError) {
                try await remains.remove()
            } catch {
                throw error
            }
            throw error
        }
    }

    private func checkCancellation() throws(ProviderError) {
        if Task.isCancelled { throw ProviderError(.interrupted, "the caller has gone") }
    }

    // MARK: Preparing

    private func prepare(_ remains: SandboxRemains) throws(ProviderError) -> Prepared {
        let image: ImageStore.Image?
        if let name = spec.image { image = try host.images.image(named: name) } else { image = nil }
        let directory = remains.journal.directory
        let group = host.groups?.group(of: id)
        let limits = SandboxLimits(spec.resources, processes: host.configuration.maximumProcesses)
        do throws(SystemError) {
            guard mkdir(directory, 0o711) == 0, chmod(directory, 0o711) == 0 else { throw .current(in: "mkdir \(directory)") }
            // All that will exist, before any of it does.
            try remains.note { journal in
                journal.group = group
                journal.runtime = launcher.runtime
                if host.diskObstacle == nil { journal.mountPoint = host.mountPoint(of: id) }
            }
        } catch {
            throw error.providerError("the sandbox can't be journaled")
        }
        let taken = try host.slots?.take(for: id)
        do throws(SystemError) {
            if let taken { try remains.note { $0.slotFile = taken.file } }
            try group?.make(limits)
            let storage = try makeStorage(remains, limits, taken?.user)
            let network = spec.network == .open
            let plan = LaunchPlan(
                id: id, directory: directory,
                root: host.rootFilesystem(
                    base: image?.entries ?? host.system.entries(network: network), storage: storage,
                    hasMemoryGroup: group?.directories[.memory] != nil),
                network: network, user: taken?.user, limits: limits, group: group)
            let command = try launcher.prepare(plan)
            var environment = AgentConnection.standardEnvironment
            environment.merge(image?.environment ?? [:]) { _, images in images }
            return Prepared(command: command, environment: environment)
        } catch {
            throw error.providerError("the sandbox can't be prepared")
        }
    }

    private func makeStorage(_ remains: SandboxRemains, _ limits: SandboxLimits, _ user: SandboxUser?) throws(SystemError) -> Storage {
        let journal = remains.journal
        guard let mountPoint = journal.mountPoint else { return .memory(bytes: min(limits.diskBytes, limits.memoryBytes)) }
        let template = try DiskImage.template(sizeGiB: limits.diskGiB, in: host.shareDirectory)
        try DiskImage.copy(template, to: journal.diskImage)
        try HostFile.makeDirectories(mountPoint, mode: 0o711)
        let number = try DiskImage.mount(journal.diskImage, at: mountPoint)
        try remains.note { $0.loopDevice = number }
        try Storage.populate(mountPoint, user: user)
        return .disk(mountPoint: mountPoint)
    }

    // MARK: Launching

    private func launch(_ prepared: Prepared, _ remains: SandboxRemains) throws(ProviderError) -> Launched {
        do throws(SystemError) {
            let (ours, theirs) = try Descriptor.socketPair()
            // A socket rather than a file: what nobody reads must not fill the machine's disk.
            let (complaints, standardError) = try Descriptor.socketPair()
            var descriptors = ChildProcess.Descriptors(input: theirs, error: standardError)
            if prepared.command.outputIsSocket { descriptors.output = theirs }
            if let path = prepared.command.fourth { descriptors.fourth = try Descriptor.open(path, O_RDONLY) }
            let child = try ChildProcess.spawn(prepared.command.arguments, descriptors)
            remains.adopt(child)
            try remains.note { $0.process = child.identity }
            return Launched(socket: ours, complaints: complaints)
        } catch {
            throw error.providerError("\(launcher.name) can't be started")
        }
    }

    private func connect(
        _ launched: Launched, _ prepared: Prepared, _ remains: SandboxRemains
    ) async throws(ProviderError) -> AgentConnection {
        let socket: Int32
        do throws(SystemError) {
            socket = try launched.socket.duplicate()
        } catch {
            throw error.providerError("the sandbox's socket can't be used")
        }
        do throws(ProviderError) {
            return try await AgentConnection.open(
                socket: socket, on: MultiThreadedEventLoopGroup.singleton, within: host.configuration.launchDeadline,
                environment: prepared.environment)
        } catch {
            // A caller who has gone hears of that; else what the launcher has said is the better reason.
            try checkCancellation()
            let group = remains.journal.group
            let (said, kills) = await HostThreads.run {
                (String(decoding: launched.complaints.readAvailable(limit: 4096), as: UTF8.self), group?.outOfMemoryKills ?? 0)
            }
            if kills > 0 { throw ProviderError(.interrupted, "the sandbox ran out of memory before it had started", outOfMemory: true) }
            let code: ProviderError.Code = error.code == .timedOut ? .timedOut : .unavailable
            let line = said.split(separator: "\n").last.map(String.init)
            throw ProviderError(
                code, "\(launcher.name) did not bring the sandbox up" + (line.map { ": \($0)" } ?? ""),
                vendorDetail: said + error.description)
        }
    }
}
#endif
