import Glibc

/// The limits that a launch can set, under the names that `prlimit` has for them.
enum ResourceLimit: String, CaseIterable {
    case `as`
    case core
    case cpu
    case data
    case fsize
    case memlock
    case msgqueue
    case nice
    case nofile
    case nproc
    case rtprio
    case rttime
    case sigpending
    case stack

    var resource: __rlimit_resource_t {
        switch self {
        case .as: __rlimit_resource_t(RLIMIT_AS.rawValue)
        case .core: __rlimit_resource_t(RLIMIT_CORE.rawValue)
        case .cpu: __rlimit_resource_t(RLIMIT_CPU.rawValue)
        case .data: __rlimit_resource_t(RLIMIT_DATA.rawValue)
        case .fsize: __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
        case .memlock: __rlimit_resource_t(__RLIMIT_MEMLOCK.rawValue)
        case .msgqueue: __rlimit_resource_t(__RLIMIT_MSGQUEUE.rawValue)
        case .nice: __rlimit_resource_t(__RLIMIT_NICE.rawValue)
        case .nofile: __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        case .nproc: __rlimit_resource_t(__RLIMIT_NPROC.rawValue)
        case .rtprio: __rlimit_resource_t(__RLIMIT_RTPRIO.rawValue)
        case .rttime: __rlimit_resource_t(__RLIMIT_RTTIME.rawValue)
        case .sigpending: __rlimit_resource_t(__RLIMIT_SIGPENDING.rawValue)
        case .stack: __rlimit_resource_t(RLIMIT_STACK.rawValue)
        }
    }
}
