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
    /// nil for an empty disk.
    var origin: DiskOrigin? = nil

    /// A sandbox that answers.
    struct Made: Sendable {
        /// What is to be removed when it ends.
        var remains: SandboxRemains
        var connection: AgentConnection
        /// nil if its files are in memory.
        var disk: LiveDisk?
        var freezer: Freezer
        var memory: MemoryKills
    }

    /// A sandbox that waits for its launcher.
    private struct Prepared: Sendable {
        var command: LaunchCommand
        var environment: [String: String]
        var disk: LiveDisk?
        var freezer: Freezer
        var memory: MemoryKills
        var network: PreparedNetwork?
    }

    /// What has been reserved for a sandbox.
    private struct Reserved: Sendable {
        var user: SandboxUser?
        var image: ImageStore.Image?
    }

    /// A launched one, whose agent is about to say hello.
    private struct Launched: Sendable {
        /// Our end of the agent's socket.
        var socket: Descriptor
        /// Our end of the launcher's standard error.
        var complaints: Descriptor
    }

    /// - Throws: with nothing left behind.
    func make() async throws(ProviderError) -> Made {
        let directory = host.directory(of: id)
        let remains = SandboxRemains(SandboxJournal(id: id, tag: tag, createdAt: Date(), directory: directory))
        do throws(ProviderError) {
            let prepared = try await prepare(remains)
            try checkCancellation()
            let launched = try await HostThreads.run(on: HostThreads.spawning) {
                Result { () throws(ProviderError) in try launch(prepared, remains) }
            }.get()
            let connection = try await connect(launched, prepared, remains)
            do throws(ProviderError) {
                try await finish(prepared.network)
                try checkCancellation()
            } catch {
                connection.close()
                throw error
            }
            return Made(
                remains: remains, connection: connection, disk: prepared.disk, freezer: prepared.freezer, memory: prepared.memory)
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

    private func prepare(_ remains: SandboxRemains) async throws(ProviderError) -> Prepared {
        guard let origin, host.diskObstacle == nil else {
            return try await HostThreads.run {
                Result { () throws(ProviderError) in try prepare(remains, try reserve(remains)) }
            }.get()
        }
        let reserved = try await HostThreads.run { Result { () throws(ProviderError) in try reserve(remains) } }.get()
        try checkCancellation()
        try await origin.copy(remains.journal.diskImage)
        try checkCancellation()
        return try await HostThreads.run { Result { () throws(ProviderError) in try prepare(remains, reserved) } }.get()
    }

    /// Writes down all that will exist, before any of it does, and takes a user.
    private func reserve(_ remains: SandboxRemains) throws(ProviderError) -> Reserved {
        let image: ImageStore.Image?
        if let name = spec.image { image = try host.images.image(named: name) } else { image = nil }
        if host.diskObstacle == nil { try host.checkSpace() }
        let directory = remains.journal.directory
        let ports = host.portsDirectory(of: id)
        do throws(SystemError) {
            try remains.begin { journal in
                journal.group = host.groups?.group(of: id)
                journal.runtime = launcher.runtime
                if host.diskObstacle == nil { journal.mountPoint = host.mountPoint(of: id) }
                if !ports.hasPrefix("\(directory)/") { journal.portsDirectory = ports }
            }
        } catch {
            throw error.providerError("the sandbox can't be journaled")
        }
        let taken = try (spec.rootAccess ? host.rootSlots : host.slots)?.take(for: id)
        do throws(SystemError) {
            if let taken { try remains.note { $0.slotFile = taken.file } }
        } catch {
            throw error.providerError("the sandbox can't be journaled")
        }
        return Reserved(user: taken?.user, image: image)
    }

    private func prepare(_ remains: SandboxRemains, _ reserved: Reserved) throws(ProviderError) -> Prepared {
        let directory = remains.journal.directory
        let group = remains.journal.group
        let limits = SandboxLimits(spec.resources, processes: host.configuration.maximumProcesses)
        let (user, image) = (reserved.user, reserved.image)
        do throws(SystemError) {
            try group?.make(limits)
            let freezer = Freezer(group)
            let (storage, owner) = try makeStorage(remains, limits, user, image)
            let network = try prepareNetwork(remains, user, group)
            let hasMemoryGroup = group?.directories[.memory] != nil
            var plan = LaunchPlan(
                id: id, directory: directory, root: RootFilesystem(), network: attachment(network), user: user, limits: limits, group: group
            )
            if spec.rootAccess {
                plan.ownRoot = ownRoot(storage, image, hasMemoryGroup: hasMemoryGroup)
            } else {
                let base = image?.entries(resolver: host.system.resolverFile(names)) ?? host.system.entries(names)
                plan.root = host.rootFilesystem(base: base, storage: storage, hasMemoryGroup: hasMemoryGroup)
            }
            let command = try launcher.prepare(plan)
            var environment = AgentConnection.standardEnvironment
            // The machine's Python may refuse to have packages put beside its own; here they are the sandbox's.
            if spec.rootAccess, image == nil { environment["PIP_BREAK_SYSTEM_PACKAGES"] = "1" }
            environment.merge(image?.environment ?? [:]) { _, images in images }
            let disk = remains.journal.mountPoint.map {
                LiveDisk(
                    image: remains.journal.diskImage, mountPoint: $0, diskGiB: limits.diskGiB, owner: owner, host: host, freezer: freezer)
            }
            return Prepared(
                command: command, environment: environment, disk: disk, freezer: freezer, memory: MemoryKills(group), network: network)
        } catch {
            throw error.code == ENOSPC
                ? ProviderError(.noCapacity, "the machine's disk is full", vendorDetail: error.description)
                : error.providerError("the sandbox can't be prepared")
        }
    }

    /// - Returns: where the files are, and whose they are on the disk.
    private func makeStorage(
        _ remains: SandboxRemains, _ limits: SandboxLimits, _ user: SandboxUser?, _ image: ImageStore.Image?
    ) throws(SystemError) -> (Storage, owner: UInt32) {
        let journal = remains.journal
        let user = user ?? SandboxUser(id: geteuid(), rootID: geteuid())
        guard let mountPoint = journal.mountPoint else { return (.memory(bytes: min(limits.diskBytes, limits.memoryBytes)), user.id) }
        if let origin {
            if limits.diskGiB > origin.diskGiB { try DiskImage.grow(journal.diskImage, toGiB: limits.diskGiB) }
        } else {
            try DiskImage.make(
                journal.diskImage, sizeGiB: limits.diskGiB, content: content(image), templatesIn: host.shareDirectory)
        }
        try HostFile.makeDirectories(mountPoint, mode: 0o711)
        let number = try DiskImage.mount(journal.diskImage, at: mountPoint)
        try remains.note { $0.loopDevice = number }
        let storage = Storage.disk(mountPoint: mountPoint)
        if spec.rootAccess {
            // Its ids are those of the inside, which outside are others': root's above all.
            guard chmod(mountPoint, 0o700) == 0 else { throw .current(in: "chmod \(mountPoint)") }
            return (storage, 0)
        }
        guard let origin else {
            try Storage.settle(mountPoint, user: user)
            return (storage, user.id)
        }
        return (storage, try Storage.hand(mountPoint, of: origin.owner, to: user))
    }

    /// What a new disk starts as.
    private func content(_ image: ImageStore.Image?) -> DiskContent {
        guard spec.rootAccess else { return .places }
        return image == nil ? host.systemTree.content(hasNetwork: spec.network != .none) : SystemTree.imageContent
    }

    private func ownRoot(_ storage: Storage, _ image: ImageStore.Image?, hasMemoryGroup: Bool) -> OwnRoot? {
        guard case .disk(let mountPoint) = storage else { return nil }
        var root = OwnRoot(
            disk: mountPoint, image: image?.root, resolver: names == .machine ? "/etc/resolv.conf" : host.system.resolverFile(names))
        if image == nil {
            root.merged = host.systemTree.merged
            root.bound = host.system.extra.filter(HostFile.exists)
        }
        root.sharedMemory = hasMemoryGroup ? nil : 64 << 20
        return root
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
            let said = String(decoding: launched.complaints.readAvailable(limit: 4096), as: UTF8.self)
            if prepared.memory.count > 0 {
                throw ProviderError(.interrupted, "the sandbox ran out of memory before it had started", outOfMemory: true)
            }
            let code: ProviderError.Code = error.code == .timedOut ? .timedOut : .unavailable
            let line = said.split(separator: "\n").last.map(String.init)
            throw ProviderError(
                code, "\(launcher.name) did not bring the sandbox up" + (line.map { ": \($0)" } ?? ""),
                vendorDetail: said + error.description)
        }
    }
}
#endif
