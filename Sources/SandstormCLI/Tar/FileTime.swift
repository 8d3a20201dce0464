#if canImport(Glibc)
import Glibc
import SwiftOverlayShims
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// When files changed last, in seconds since 1970.
enum FileTime {
    static func modified(_ status: stat) -> Int64 {
        #if canImport(Darwin)
        Int64(status.st_mtimespec.tv_sec)
        #else
        Int64(status.st_mtim.tv_sec)
        #endif
    }

    /// Says that an open file changed and was read then. One that can't be given a time has the present one.
    static func set(_ seconds: Int64, of descriptor: CInt) {
        guard let seconds = Int(exactly: seconds) else { return }
        let time = timespec(tv_sec: seconds, tv_nsec: 0)
        futimens(descriptor, [time, time])
    }
}
