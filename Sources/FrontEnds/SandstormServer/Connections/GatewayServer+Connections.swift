#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

extension GatewayServer {
    /// How many connections can be taken of those wanted: an accept that finds no free descriptor fails, and goes on failing.
    ///
    /// A quarter of the files that the process may have open is kept for everything else: sandboxes, their ports, the store.
    static func maximumConnections(wanted: Int) -> Int {
        var limit = rlimit()
        #if canImport(Glibc)
        let isKnown = getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0
        #else
        let isKnown = getrlimit(RLIMIT_NOFILE, &limit) == 0
        #endif
        guard isKnown, let files = Int(exactly: limit.rlim_cur) else { return wanted }
        return min(wanted, max(files - files / 4, 16))
    }
}
