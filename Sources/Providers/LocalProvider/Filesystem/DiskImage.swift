#if os(Linux)
import Glibc

/// What a disk has in it from the start: made in a mounted one it would take longer than all the rest.
struct DiskContent: Sendable {
    /// Tells it from others.
    var name: String
    /// Makes it in an empty directory, owners included.
    var write: @Sendable (_ directory: String) throws(SystemError) -> Void

    /// The writable places of a sandbox that is read-only elsewhere.
    static let places = DiskContent(name: "\(Storage.places)") { (directory) throws(SystemError) in
        for place in Storage.places { try HostFile.makeDirectories("\(directory)/\(place.name)", mode: mode_t(place.mode)) }
    }
}

/// A file system in a sparse file: what makes a sandbox's disk end where its spec says.
enum DiskImage {
    /// Why disk images can't be used here; nil if they can.
    static func obstacle() -> String? {
        if geteuid() != 0 { return "only root may mount them" }
        if !HostFile.exists("/dev/loop-control") { return "there are no loop devices" }
        if formatter == nil { return "mkfs.ext4 is not installed" }
        return nil
    }

    /// Why disks can't be kept and doubled here; nil if they can.
    static var copyObstacle: String? { checker == nil ? "e2fsck is not installed" : nil }

    private static var formatter: String? { tool("mkfs.ext4") }
    private static var checker: String? { tool("e2fsck") }
    private static var resizer: String? { tool("resize2fs") }

    private static func tool(_ name: String) -> String? { ["/usr/sbin/\(name)", "/sbin/\(name)"].first(where: HostFile.exists) }

    // MARK: Making

    /// What templates' names begin with.
    static let templatePrefix = "ext4-"

    // Without a journal: a sandbox's disk does not outlive a crash. One inode for each 16 KiB, for node_modules' sake.
    private static let formatting = [
        "-q", "-F", "-m", "0", "-i", "16384", "-O", "^has_journal,^resize_inode", "-E", "lazy_itable_init=1,nodiscard,root_owner=0:0",
    ]

    /// Makes a disk of that size: a copy of a file that is formatted once for each size and content, which costs a hundredth of formatting.
    static func make(
        _ path: String, sizeGiB: Int, content: DiskContent = .places, templatesIn directory: String
    ) throws(SystemError) {
        for attempt in 0... {
            let template = try template(sizeGiB: sizeGiB, content, in: directory)
            do throws(SystemError) {
                return try copy(template, to: path)
            } catch {
                // It may just have been swept as one that nobody has used for long.
                guard error.code == ENOENT, attempt < 2 else { throw error }
            }
        }
    }

    private static func template(sizeGiB: Int, _ initial: DiskContent, in directory: String) throws(SystemError) -> String {
        let formatName = ContentName.of("\(formatting)\(initial.name)")
        let path = "\(directory)/\(templatePrefix)\(formatName)-\(sizeGiB)"
        // The time of its last use is what sweeping goes by.
        if utimensat(AT_FDCWD, path, nil, 0) == 0 { return path }
        guard let formatter else { throw SystemError(ENOENT, in: "mkfs.ext4") }
        let temporary = "\(path).\(UInt32.random(in: .min ... .max))"
        defer { unlink(temporary) }
        let file = try Descriptor.open(temporary, O_RDWR | O_CREAT | O_EXCL)
        guard ftruncate(file.number, off_t(sizeGiB) << 30) == 0 else { throw .current(in: "disk template") }
        let content = "\(temporary).content"
        defer { HostFile.removeTree(content) }
        try HostFile.makeDirectories(content)
        try initial.write(content)
        let status = try run([formatter] + formatting + ["-d", content, temporary], within: .seconds(60))
        guard status == 0 else { throw SystemError(EIO, in: "mkfs.ext4, exit code \(status)") }
        guard rename(temporary, path) == 0 else { throw .current(in: "disk template") }
        return path
    }

    private static func run(_ arguments: [String], within limit: Duration) throws(SystemError) -> Int32 {
        let child = try ChildProcess.spawn(arguments, ChildProcess.Descriptors())
        guard let status = child.reap(within: limit) else {
            child.kill()
            _ = child.reap(within: .seconds(5))
            throw SystemError(ETIMEDOUT, in: arguments[0])
        }
        return status
    }

    // MARK: Copying

    private static let seekData: Int32 = 3
    private static let seekHole: Int32 = 4
    /// `FICLONE`: the copy shares the blocks until one of both changes them; btrfs and XFS can.
    private static let clone: UInt = 0x4004_9409
    /// How much is copied between two looks at whether the copy is still wanted.
    private static let stride: off_t = 8 << 20

    /// Copies what is not a hole.
    ///
    /// - Parameter isUnwanted: asked now and then; the copy is given up, with `ECANCELED`, once it says so.
    static func copy(_ original: String, to path: String, unless isUnwanted: () -> Bool = { false }) throws(SystemError) {
        let source = try Descriptor.open(original, O_RDONLY)
        let target = try Descriptor.open(path, O_RDWR | O_CREAT | O_EXCL)
        if ioctl(target.number, clone, source.number) == 0 { return }
        let size = lseek(source.number, 0, SEEK_END)
        guard size > 0, ftruncate(target.number, size) == 0 else { throw .current(in: "disk image") }
        var offset: off_t = 0
        while offset < size {
            let start = lseek(source.number, offset, seekData)
            if start < 0, errno == ENXIO { return }
            let end = lseek(source.number, start, seekHole)
            guard start >= 0, end > start else { throw .current(in: "disk image") }
            offset = start
            while offset < end {
                if isUnwanted() { throw SystemError(ECANCELED, in: "disk image") }
                offset += try copy(from: source, to: target, at: offset, length: min(stride, end - offset))
            }
        }
    }

    /// - Returns: how much was copied, never nothing.
    private static func copy(from source: Descriptor, to target: Descriptor, at offset: off_t, length: off_t) throws(SystemError) -> off_t {
        if let copyFileRange = LibraryCall.copyFileRange {
            var (input, output) = (offset, offset)
            let count = copyFileRange(source.number, &input, target.number, &output, Int(length), 0)
            if count > 0 { return off_t(count) }
            guard count == 0 || [EXDEV, EINVAL, ENOSYS, EOPNOTSUPP].contains(errno) else { throw .current(in: "disk image") }
        }
        return try withUnsafeTemporaryAllocation(byteCount: Int(min(length, 256 * 1024)), alignment: 16) { buffer throws(SystemError) in
            let count = pread(source.number, buffer.baseAddress, buffer.count, offset)
            guard count > 0, pwrite(target.number, buffer.baseAddress, count, offset) == count else { throw .current(in: "disk image") }
            return off_t(count)
        }
    }

    /// Takes away what the copy of a disk in use has more than files: those that were deleted and still open.
    static func check(_ image: String) throws(SystemError) {
        guard let checker else { throw SystemError(ENOENT, in: "e2fsck") }
        let status = try run([checker, "-f", "-y", image], within: .seconds(600))
        // 1: something was corrected.
        guard status <= 1 else { throw SystemError(EIO, in: "e2fsck, exit code \(status)") }
    }

    /// Enlarges a checked image that is not mounted.
    static func grow(_ image: String, toGiB sizeGiB: Int) throws(SystemError) {
        guard let resizer else { throw SystemError(ENOENT, in: "resize2fs") }
        guard truncate(image, off_t(sizeGiB) << 30) == 0 else { throw .current(in: "disk image") }
        let status = try run([resizer, image], within: .seconds(60))
        guard status == 0 else { throw SystemError(EIO, in: "resize2fs, exit code \(status)") }
    }

    // MARK: Standing still

    private static let freeze: UInt = 0xC004_5877
    private static let thaw: UInt = 0xC004_5878

    /// Writes out what is not yet in the image. Blocking, for as long as the disk takes.
    static func flush(_ mountPoint: String) throws(SystemError) {
        guard let syncFileSystem = LibraryCall.syncFileSystem else { return }
        let point = try open(mountPoint)
        guard syncFileSystem(point.number) == 0 else { throw .current(in: "syncfs") }
    }

    /// Runs `body` while the file system is at rest, so that its image is whole.
    ///
    /// No process may be in the middle of a write that can last: this waits for the end of each, and can't be stopped. So whoever
    /// writes has to be frozen, which takes it out of the kernel.
    static func atRest<Result>(_ mountPoint: String, _ body: () throws(SystemError) -> Result) throws(SystemError) -> Result {
        let point = try open(mountPoint)
        guard ioctl(point.number, freeze, 0) == 0 else { throw .current(in: "FIFREEZE") }
        let result: Result
        do throws(SystemError) {
            result = try body()
        } catch {
            _ = ioctl(point.number, thaw, 0)
            throw error
        }
        // If another has thawed it, to remove the sandbox, the copy may be torn.
        guard ioctl(point.number, thaw, 0) == 0 else { throw .current(in: "FITHAW") }
        return result
    }

    /// Lets a file system that a crash has left at rest go on, so that what waits for it can end.
    static func release(_ mountPoint: String) {
        guard let point = try? open(mountPoint) else { return }
        _ = ioctl(point.number, thaw, 0)
    }

    /// Opens a mounted disk, never what is below it: the machine's own file system must not be brought to rest, nor woken, when the disk has
    /// just been unmounted.
    private static func open(_ mountPoint: String) throws(SystemError) -> Descriptor {
        let point = try Descriptor.open(mountPoint, O_RDONLY | O_DIRECTORY)
        var (disk, below) = (stat(), stat())
        let parent = mountPoint.lastIndex(of: "/").map { String(mountPoint[..<$0]) } ?? ""
        guard fstat(point.number, &disk) == 0, stat(parent, &below) == 0 else { throw .current(in: "stat \(mountPoint)") }
        guard disk.st_dev != below.st_dev else { throw SystemError(ENOENT, in: "disk at \(mountPoint)") }
        return point
    }

    // MARK: Mounting

    /// Mounts an image. Set-uid programs and device files in it are without effect.
    ///
    /// - Returns: the loop device's number. The device lets go of the image by itself when the mount is gone.
    static func mount(_ image: String, at point: String) throws(SystemError) -> Int {
        let file = try Descriptor.open(image, O_RDWR)
        let (number, device) = try LoopDevice.attach(file)
        let flags = UInt(MS_NOSUID | MS_NODEV | MS_NOATIME)
        // The inode tables are zero already: holes of a sparse file, which the kernel would fill if it cleared them.
        let options = "errors=continue,discard,noinit_itable"
        let result = Glibc.mount("/dev/loop\(number)", point, "ext4", flags, options)
        let error = SystemError.current(in: "mount /dev/loop\(number)")
        // Held until here, because the device detaches when nobody has it open.
        withExtendedLifetime(device) {}
        guard result == 0 else { throw error }
        return number
    }
}

/// A block device over a file.
enum LoopDevice {
    private static let getFree: UInt = 0x4C82
    private static let configure: UInt = 0x4C0A
    private static let autoClear: UInt32 = 4
    /// `struct loop_config`: descriptor, block size, `struct loop_info64` (232 bytes, flags at 52), reserved.
    private static let configurationSize = 304

    static func attach(_ file: Descriptor) throws(SystemError) -> (number: Int, device: Descriptor) {
        let control = try Descriptor.open("/dev/loop-control", O_RDWR)
        for _ in 0..<64 {
            let number = ioctl(control.number, getFree)
            guard number >= 0 else { throw .current(in: "loop-control") }
            let device = try Descriptor.open("/dev/loop\(number)", O_RDWR)
            var configuration = [UInt8](repeating: 0, count: configurationSize)
            let result = configuration.withUnsafeMutableBytes { bytes in
                bytes.storeBytes(of: UInt32(file.number), as: UInt32.self)
                bytes.storeBytes(of: autoClear, toByteOffset: 8 + 52, as: UInt32.self)
                return bytes.baseAddress.map { ioctl(device.number, configure, $0) } ?? -1
            }
            if result == 0 { return (Int(number), device) }
            // Another has taken it in between.
            guard errno == EBUSY else { throw .current(in: "loop device") }
        }
        throw SystemError(EBUSY, in: "loop device")
    }

    /// Waits until the device has let go of a file. Another sandbox that is being made at this moment may hold a copy of the mount for a while.
    static func awaitDetached(_ number: Int, from image: String) {
        for _ in 0..<2000 {
            guard HostFile.text("/sys/block/loop\(number)/loop/backing_file")?.hasPrefix(image) == true else { return }
            usleep(1000)
        }
    }
}
#endif
