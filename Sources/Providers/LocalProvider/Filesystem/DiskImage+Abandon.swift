#if os(Linux)
import Glibc

extension DiskImage {
    /// `EXT4_IOC_SHUTDOWN`, and its flag for: write nothing back.
    private static let shutDown: UInt = 0x8004_587d
    private static let withoutWriting: UInt32 = 2
    private static let loopMajor: UInt64 = 7

    /// Makes the file system on a mounted image forget what is not written yet: it is about to be deleted, and unmounting it would first write
    /// gigabytes if a sandbox has just done so.
    ///
    /// - Parameters:
    ///   - point: where it is mounted. If it is not, nothing happens: any other file system that were found there is somebody's.
    ///   - number: its loop device, which has to have `image` behind it.
    static func abandon(mountedAt point: String, loopDevice number: Int, image: String) {
        guard let directory = try? Descriptor.open(point, O_RDONLY | O_DIRECTORY | O_NOFOLLOW) else { return }
        var info = stat()
        guard fstat(directory.number, &info) == 0, major(info.st_dev) == loopMajor, minor(info.st_dev) == UInt64(number),
            HostFile.text("/sys/block/loop\(number)/loop/backing_file")?.split(separator: "\n").first.map(String.init) == image
        else { return }
        var flag = withoutWriting
        // A kernel that can't only takes longer.
        _ = ioctl(directory.number, shutDown, &flag)
    }

    private static func major(_ device: dev_t) -> UInt64 { (UInt64(device) >> 8 & 0xfff) | (UInt64(device) >> 32 & ~0xfff) }
    private static func minor(_ device: dev_t) -> UInt64 { (UInt64(device) & 0xff) | (UInt64(device) >> 12 & ~0xff) }
}
#endif
