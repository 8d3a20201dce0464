import CLinux
import Glibc

/// The signals that concern the agent, as a descriptor that becomes readable.
struct Signals {
    let descriptor: Descriptor

    /// Takes over signal handling for the whole process, whatever was inherited.
    init() throws(SystemError) {
        // Inherited as ignored, SIGCHLD would make the kernel reap children and lose their exit status.
        _ = signal(SIGCHLD, SIG_DFL)
        _ = signal(SIGTERM, SIG_DFL)
        _ = signal(SIGPIPE, SIG_IGN)
        _ = signal(SIGHUP, SIG_IGN)
        _ = signal(SIGINT, SIG_IGN)
        var mask = sigset_t()
        sigemptyset(&mask)
        sigaddset(&mask, SIGCHLD)
        sigaddset(&mask, SIGTERM)
        sigprocmask(SIG_SETMASK, &mask, nil)
        let number = signalfd(-1, &mask, Int32(SFD_CLOEXEC) | Int32(SFD_NONBLOCK))
        guard number >= 0 else { throw .current(in: "signalfd") }
        descriptor = Descriptor(owning: number)
    }

    struct Pending {
        var childChanged = false
        var terminate = false
    }

    /// Takes all signals that are waiting.
    func take() -> Pending {
        var pending = Pending()
        var info = signalfd_siginfo()
        while case .count(let count) = withUnsafeMutableBytes(of: &info, { descriptor.read(into: $0) }), count > 0 {
            switch Int32(bitPattern: info.ssi_signo) {
            case SIGCHLD: pending.childChanged = true
            case SIGTERM: pending.terminate = true
            default: break
            }
        }
        return pending
    }
}
