#if os(Linux)
import Glibc
import SandstormCore

/// What a new sandbox's disk starts as, if not empty.
struct DiskOrigin: Sendable {
    var diskGiB: Int
    /// The uid of the files' user, in the image.
    var owner: UInt32
    /// Makes a checked image at the path, or nothing.
    var copy: @Sendable (_ path: String) async throws(ProviderError) -> Void
}

/// A living sandbox's disk, as something to be copied.
final class LiveDisk: Sendable {
    let image: String
    let mountPoint: String
    let diskGiB: Int
    /// The uid of the files' user, in the image; the mount may show them as another's.
    let owner: UInt32

    private let host: Host
    private let freezer: Freezer
    /// One copy at a time: what is at rest can't be brought to rest.
    private let turn = Locked(())

    init(image: String, mountPoint: String, diskGiB: Int, owner: UInt32, host: Host, freezer: Freezer) {
        self.image = image
        self.mountPoint = mountPoint
        self.diskGiB = diskGiB
        self.owner = owner
        self.host = host
        self.freezer = freezer
    }

    var origin: DiskOrigin {
        DiskOrigin(diskGiB: diskGiB, owner: owner) { (path) async throws(ProviderError) in
            try await DiskCopying.run(to: path) { isCancelled in try self.copy(to: path, isCancelled) }
        }
    }

    /// Copies the disk as it is at one moment. The processes stand still meanwhile, which makes the moment the same for all files.
    private func copy(to path: String, _ isCancelled: @escaping () -> Bool) throws {
        let isUnwanted = { isCancelled() || self.freezer.isDoomed }
        try turn.withLock { _ in
            if isUnwanted() { throw SystemError(ECANCELED, in: "disk image") }
            try host.checkSpace(forCopyOf: image)
            // Most of it while the processes still run.
            try DiskImage.flush(mountPoint)
            try freezer.hold()
            defer { freezer.release() }
            try DiskImage.atRest(mountPoint) { () throws(SystemError) in try DiskImage.copy(image, to: path, unless: isUnwanted) }
        }
        try DiskImage.check(path)
    }

    /// What is on it, in bytes. Blocking.
    var usedBytes: Int64? {
        var info = statvfs()
        guard statvfs(mountPoint, &info) == 0 else { return nil }
        return Int64(clamping: UInt64(info.f_blocks - info.f_bfree) * UInt64(info.f_frsize))
    }
}

/// Copies of disks: long work, which has threads of its own so that it holds up nothing else.
enum DiskCopying {
    /// Runs `body`, which is told when the task is cancelled; whatever it leaves at `path` when it throws is removed.
    static func run(
        to path: String, _ body: @escaping @Sendable (_ isCancelled: @escaping () -> Bool) throws -> Void
    ) async throws(ProviderError) {
        let cancellation = Locked(false)
        let result = await withTaskCancellationHandler {
            await HostThreads.run(on: HostThreads.copying) {
                Result { () throws(ProviderError) in
                    do {
                        try body { cancellation.withLock(\.self) }
                    } catch {
                        unlink(path)
                        throw providerError(error, wasCancelled: cancellation.withLock(\.self))
                    }
                }
            }
        } onCancel: {
            cancellation.withLock { $0 = true }
        }
        try result.get()
    }

    private static func providerError(_ error: any Error, wasCancelled: Bool) -> ProviderError {
        if wasCancelled { return ProviderError(.interrupted, "the caller has gone") }
        guard let error = error as? SystemError else {
            return error as? ProviderError ?? ProviderError(.unavailable, "the disk can't be copied", vendorDetail: "\(error)")
        }
        switch error.code {
        case ECANCELED: return ProviderError(.notFound, "the sandbox was killed")
        case ENOSPC: return ProviderError(.noCapacity, "the machine's disk is full")
        default: return error.providerError("the disk can't be copied")
        }
    }
}
#endif
