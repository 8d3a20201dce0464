#if os(Linux)
import Glibc

/// A file system in a sparse file: what makes a sandbox's disk end where its spec says.
enum DiskImage {
    /// Why disk images can't be used here; nil if they can.
    static func obstacle() -> String? {
        if geteuid() != 0 { return "only root may mount them" }
        if !HostFile.exists("/dev/loop-control") { return "there are no loop devices" }
        if formatter == nil { return "mkfs.ext4 is not installed" }
        return nil
    }

    private static var formatter: String? { ["/usr/sbin/mkfs.ext4", "/sbin/mkfs.ext4"].first(where: HostFile.exists) }

    /// Makes a formatted file of that size, once for each size: later ones are copies, which cost a hundredth.
    static func template(sizeGiB: Int, in directory: String) throws(SystemError) -> String {
        let path = "\(directory)/ext4-\(sizeGiB)"
        if HostFile.exists(path) { return path }
        guard let formatter else { throw SystemError(ENOENT, in: "mkfs.ext4") }
        let temporary = "\(path).\(UInt32.random(in: .min ... .max))"
        defer { unlink(temporary) }
        let file = try Descriptor.open(temporary, O_RDWR | O_CREAT | O_EXCL)
        guard ftruncate(file.number, off_t(sizeGiB) << 30) == 0 else { throw .current(in: "disk template") }
        // Without a journal: a sandbox's disk does not outlive a crash. One inode for each 16 KiB, for node_modules' sake.
        let options = [
            "-q", "-F", "-m", "0", "-i", "16384", "-O", "^has_journal,^resize_inode", "-E", "lazy_itable_init=1,nodiscard,root_owner=0:0",
        ]
        let child = try ChildProcess.spawn([formatter] + options + [temporary], ChildProcess.Descriptors())
        guard let status = child.reap(within: .seconds(60)) else {
            child.kill()
            _ = child.reap(within: .seconds(5))
            throw SystemError(ETIMEDOUT, in: "mkfs.ext4")
        }
        guard status == 0 else { throw SystemError(EIO, in: "mkfs.ext4, exit code \(status)") }
        guard rename(temporary, path) == 0 else { throw .current(in: "disk template") }
        return path
    }

    /// Copies what is not a hole.
    static func copy(_ template: String, to path: String) throws(SystemError) {
        let source = try Descriptor.open(template, O_RDONLY)
        let target = try Descriptor.open(path, O_RDWR | O_CREAT | O_EXCL)
        let size = lseek(source.number, 0, SEEK_END)
        guard size > 0, ftruncate(target.number, size) == 0 else { throw .current(in: "disk image") }
        var buffer = [UInt8](repeating: 0, count: 256 * 1024)
        var offset: off_t = 0
        while offset < size {
            let start = lseek(source.number, offset, seekData)
            if start < 0, errno == ENXIO { return }
            let end = lseek(source.number, start, seekHole)
            guard start >= 0, end > start else { throw .current(in: "disk template") }
            offset = start
            while offset < end {
                let count = pread(source.number, &buffer, min(buffer.count, Int(end - offset)), offset)
                guard count > 0, pwrite(target.number, buffer, count, offset) == count else { throw .current(in: "disk image") }
                offset += off_t(count)
            }
        }
    }

    private static let seekData: Int32 = 3
    private static let seekHole: Int32 = 4

    /// Mounts an image. Set-uid programs and device files in it are without effect.
    ///
    /// - Returns: the loop device's number. The device lets go of the image by itself when the mount is gone.
    static func mount(_ image: String, at point: String) throws(SystemError) -> Int {
        let file = try Descriptor.open(image, O_RDWR)
        let (number, device) = try LoopDevice.attach(file)
        let flags = UInt(MS_NOSUID | MS_NODEV | MS_NOATIME)
        let result = Glibc.mount("/dev/loop\(number)", point, "ext4", flags, "errors=continue,discard")
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
