#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// How many files and connections this process may have open.
enum OpenFiles {
    /// Raises the limit as far as the system lets anybody do: shells set it low, for programs of the past, and a gateway has a connection for
    /// each of its callers. Sandboxes have limits of their own.
    static func raiseLimit() {
        var limit = rlimit()
        #if canImport(Glibc)
        let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
        let files = RLIMIT_NOFILE
        #endif
        guard getrlimit(files, &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
        limit.rlim_cur = limit.rlim_max
        // A system that refuses leaves the gateway with what it had, from which the number of connections is reckoned.
        _ = setrlimit(files, &limit)
    }
}
