#if os(Linux)
import Glibc
import SandstormCore

/// What this machine has to make sandboxes with, found out once.
struct Host: Sendable {
    let configuration: LocalProvider.Configuration
    /// For what all sandboxes share: filters, templates, the agent; everything in it has a name that tells its content.
    let shareDirectory: String
    /// A sandbox's user can get to the state directory. If not, what it has to get to is in ``publicDirectory``.
    let isStateReachable: Bool
    /// The agent's copy, where every sandbox's user can get to.
    let agent: String
    let system: SystemFiles
    let images: ImageStore
    let snapshots: SnapshotStore
    let groups: ControlGroups?
    /// Why processes can't be frozen; nil if they can.
    let freezeObstacle: String?
    /// Why disks are in memory; nil if they are files.
    let diskObstacle: String?
    /// Keep what is shared from being swept by other gateways.
    private let shared: [Descriptor]
    /// nil if the gateway is an ordinary user.
    let slots: UserSlots?
    /// For sandboxes in which code may be root.
    let rootSlots: UserSlots?
    /// What these start as.
    let systemTree: SystemTree
    let languages: Set<Language>
    let maximum: Resources
    /// Gives sandboxes a network of their own; nil if there is none to give.
    private(set) var translator: NetworkTranslator?
    /// Why there is no network to give.
    private(set) var networkObstacle: String?

    /// For all gateways of this machine whose state directories are closed to others.
    private static let publicDirectory = "/run/sandstorm"

    /// Finds out, and makes the directories. Blocking.
    ///
    /// - Throws: `unavailable` if no sandbox can be made here at all.
    init(_ configuration: LocalProvider.Configuration) throws(ProviderError) {
        guard let original = AgentExecutable.find(configuration) else {
            throw ProviderError(.unavailable, "sandstorm-agent is missing: \(AgentExecutable.remedy)")
        }
        let state = configuration.stateDirectory
        let isRoot = geteuid() == 0
        do throws(SystemError) {
            // Others may pass through, since sandboxes have users of their own, and see nothing.
            try HostFile.makeDirectories(state, mode: isRoot ? 0o711 : 0o700)
            let real = HostFile.real(state) ?? state
            isStateReachable = !isRoot || HostFile.isReachableByAll("\(real)/.")
            shareDirectory = isStateReachable ? "\(real)/share" : "\(Self.publicDirectory)/share"
            try HostFile.makeDirectories(shareDirectory, mode: 0o711)
            for name in ["slots", "root-slots"] { try HostFile.makeDirectories("\(real)/\(name)", mode: 0o700) }
            agent = try AgentExecutable.copy(original, to: shareDirectory)
            system = try SystemFiles(in: shareDirectory, extraReadOnlyPaths: configuration.readOnlyPaths)
            shared = try ([agent] + system.directories).map { (path) throws(SystemError) in try SharedThing.use(path) }
            slots = isRoot ? UserSlots(directory: "\(real)/slots", range: configuration.userIDs) : nil
            rootSlots = isRoot ? UserSlots(forRootIn: "\(real)/root-slots", range: configuration.rootUserIDs) : nil
            systemTree = SystemTree(system)
            var configuration = configuration
            configuration.stateDirectory = real
            self.configuration = configuration
        } catch {
            throw error.providerError("the state directory can't be set up")
        }
        for slots in [slots, rootSlots] {
            slots?.sweep { [state = self.configuration.stateDirectory] in HostFile.isDirectory("\(state)/\($0)") }
        }
        Self.sweep(self.configuration.stateDirectory)
        DraftName.sweep(self.configuration.stateDirectory)
        SharedThing.sweep(shareDirectory)
        snapshots = SnapshotStore(directory: "\(self.configuration.stateDirectory)/snapshots")
        snapshots.sweep()
        images = ImageStore(directory: configuration.imagesDirectory, isForOthers: isRoot)
        groups = ControlGroups.find()
        freezeObstacle = groups?.freezeObstacle ?? (groups == nil ? "there are no control groups" : nil)
        diskObstacle = Self.diskObstacle(shareDirectory: shareDirectory)
        languages = LanguageSurvey.languages(visibleIn: system)
        maximum = Self.resources(disk: diskObstacle == nil ? self.configuration.stateDirectory : nil)
        guard configuration.allowsNetwork, !configuration.sharesHostNetwork else { return }
        do throws(ProviderError) {
            translator = try NetworkTranslator(self)
        } catch {
            networkObstacle = error.message
        }
    }

    /// A sandbox's directory.
    func directory(of id: String) -> String { "\(configuration.stateDirectory)/\(id)" }

    /// Where a sandbox's disk is mounted.
    func mountPoint(of id: String) -> String { isStateReachable ? "\(directory(of: id))/disk" : "\(Self.publicDirectory)/\(id)" }

    /// Why sandboxes' disks can't be kept or doubled; nil if they can.
    var copyObstacle: String? {
        if let diskObstacle { return "files are kept in memory here (\(diskObstacle))" }
        return freezeObstacle ?? DiskImage.copyObstacle
    }

    /// Why nobody counts what sandboxes use; nil if the kernel does.
    var usageObstacle: String? { groups?.enforces.contains(.memory) == true ? nil : "there is no control group for memory" }

    /// Looks whether the machine's disk has room for a new sandbox, and for a copy of an image. Blocking.
    ///
    /// - Throws: `noCapacity` if it would have less than the reserve left.
    func checkSpace(forCopyOf image: String? = nil) throws(ProviderError) {
        guard let free = HostFile.freeBytes(configuration.stateDirectory) else { return }
        var info = stat()
        let needed = image.map { stat($0, &info) == 0 ? UInt64(info.st_blocks) * 512 : 0 } ?? 0
        let reserve = UInt64(max(0, configuration.diskReserveMiB)) << 20
        guard free < needed + reserve else { return }
        throw ProviderError(
            .noCapacity,
            "the machine's disk is nearly full: \(free >> 20) MiB are left, of which \(configuration.diskReserveMiB) are kept free")
    }

    /// The sandboxes that exist, whoever made them.
    func journals() -> [SandboxJournal] {
        HostFile.names(in: configuration.stateDirectory).filter { $0.hasPrefix(LocalProvider.idPrefix) }
            .compactMap { SandboxJournal(in: directory(of: $0)) }
    }

    /// Removes what a crash has left of sandboxes that had no journal yet, so nothing else either, and of trial runs.
    private static func sweep(_ directory: String) {
        let now = time(nil)
        for name in HostFile.names(in: directory) where name.hasPrefix(LocalProvider.idPrefix) || name.hasPrefix("probe-") {
            let path = "\(directory)/\(name)"
            var info = stat()
            // A young one is being made by somebody.
            guard stat(path, &info) == 0, info.st_mtim.tv_sec < now - 60, !HostFile.exists("\(path)/\(SandboxJournal.fileName)") else {
                continue
            }
            // A trial run's disk may be mounted.
            if name.hasPrefix("probe-"), HostFile.isDirectory("\(path)/disk") { _ = umount2("\(path)/disk", Int32(MNT_DETACH)) }
            HostFile.removeTree(path)
        }
    }

    /// Makes one, to be sure.
    private static func diskObstacle(shareDirectory: String) -> String? {
        if let obstacle = DiskImage.obstacle() { return obstacle }
        let suffix = UInt32.random(in: .min ... .max)
        let (image, point) = ("\(shareDirectory)/probe-\(suffix).ext4", "\(shareDirectory)/probe-\(suffix)")
        defer {
            unlink(image)
            rmdir(point)
        }
        do throws(SystemError) {
            try DiskImage.make(image, sizeGiB: 1, templatesIn: shareDirectory)
            try HostFile.makeDirectories(point)
            let number = try DiskImage.mount(image, at: point)
            Mount.unmount(point)
            LoopDevice.awaitDetached(number, from: image)
            return nil
        } catch {
            return error.description
        }
    }

    private static func resources(disk directory: String?) -> Resources {
        let memory = HostFile.text("/proc/meminfo")?.split(separator: "\n").first { $0.hasPrefix("MemTotal:") }
        let kibibytes = memory.flatMap { Int($0.filter(\.isNumber)) } ?? 0
        var disk = kibibytes >> 20
        if let directory {
            if let free = HostFile.freeBytes(directory) { disk = Int(clamping: free >> 30) }
        }
        return Resources(milliCPU: Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))) * 1000, memoryMiB: kibibytes >> 10, diskGiB: disk)
    }
}

/// The agent's executable on this machine.
enum AgentExecutable {
    static let remedy = "build it with scripts/build-agent.sh, or name it in SANDSTORM_AGENT"

    static func find(_ configuration: LocalProvider.Configuration) -> String? {
        candidates(configuration).first { HostFile.isRegular($0) && access($0, X_OK) == 0 }
    }

    private static func candidates(_ configuration: LocalProvider.Configuration) -> [String] {
        // What is named is meant: nothing else will do.
        if let path = configuration.agentPath { return [path] }
        if let path = getenv("SANDSTORM_AGENT") { return [String(cString: path)] }
        guard let own = HostFile.target(of: "/proc/self/exe"), let slash = own.lastIndex(of: "/") else { return [] }
        let directory = own[..<slash]
        return ["\(directory)/sandstorm-agent", "\(directory)/../libexec/sandstorm/sandstorm-agent"]
    }

    /// Copies it, once for each version, so that sandboxes find it whatever the permissions of its place, and that an update may replace it.
    static func copy(_ original: String, to directory: String) throws(SystemError) -> String {
        var info = stat()
        guard stat(original, &info) == 0 else { throw .current(in: original) }
        let path = "\(directory)/agent-\(info.st_size)-\(info.st_mtim.tv_sec)-\(info.st_mtim.tv_nsec)"
        if HostFile.exists(path) { return path }
        let source = try Descriptor.open(original, O_RDONLY)
        var bytes = [UInt8](repeating: 0, count: Int(info.st_size))
        var offset = 0
        while offset < bytes.count {
            let count = bytes.withUnsafeMutableBytes { Glibc.read(source.number, $0.baseAddress.map { $0 + offset }, $0.count - offset) }
            guard count > 0 else { throw .current(in: original) }
            offset += count
        }
        try HostFile.replace(path, bytes, mode: 0o755)
        return path
    }
}

/// Which languages the machine's toolchains give a sandbox without an image.
enum LanguageSurvey {
    /// For each language the sets of programs of which one suffices.
    static let toolchains: [(language: Language, programs: [[String]], package: String)] = [
        (.python, [["python3"]], "python3"),
        (.javascript, [["node"], ["deno"], ["bun"]], "nodejs"),
        (.typescript, [["tsc", "node"], ["deno"], ["bun"]], "node-typescript"),
        (.go, [["go"]], "golang-go"),
        (.rust, [["rustc", "cc"]], "rustc"),
        (.java, [["java", "javac"]], "default-jdk-headless"),
        (.cpp, [["g++"], ["clang++"]], "g++"),
        (.csharp, [["dotnet"], ["mcs", "mono"]], "mono-mcs"),
        (.php, [["php"]], "php-cli"),
        (.ruby, [["ruby"]], "ruby"),
        (.shell, [["sh"]], "dash"),
    ]

    static func languages(visibleIn system: SystemFiles) -> Set<Language> {
        func has(_ program: String) -> Bool {
            ["/usr/local/bin", "/usr/bin", "/bin"].contains { system.shows("\($0)/\(program)") && access("\($0)/\(program)", X_OK) == 0 }
        }
        return Set(toolchains.filter { $0.programs.contains { $0.allSatisfy(has) } }.map(\.language))
    }
}
#endif
