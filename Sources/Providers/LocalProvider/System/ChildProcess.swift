#if os(Linux)
import Glibc
import NIOPosix
import SandstormCore

/// A process that we started, until it is reaped.
///
/// Reaping is always by its own pid: other parts of the program have children of their own.
final class ChildProcess: Sendable {
    /// What a child's descriptors are.
    struct Descriptors {
        var input: Descriptor?
        var output: Descriptor?
        var error: Descriptor?
        /// Becomes descriptor 3.
        var fourth: Descriptor?
    }

    let pid: Int32
    let identity: ProcessIdentity?
    private let status = Locked<Int32?>(nil)

    private init(pid: Int32) {
        self.pid = pid
        // It can't be another's yet: nobody has reaped it.
        identity = ProcessIdentity(of: pid)
    }

    /// Starts a program. Call it on the spawning thread only: what dies with its parent dies with the *thread* that made it.
    ///
    /// - Parameter arguments: the program's absolute path first.
    static func spawn(_ arguments: [String], _ descriptors: Descriptors) throws(SystemError) -> ChildProcess {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // Sources have numbers above the targets, so that none overwrites another: see `raised`.
        var raised: [Descriptor] = []
        for (target, source) in [descriptors.input, descriptors.output, descriptors.error, descriptors.fourth].enumerated() {
            if let source {
                let copy = try Self.raised(source)
                raised.append(copy)
                posix_spawn_file_actions_adddup2(&actions, copy.number, Int32(target))
            } else if target < 3 {
                posix_spawn_file_actions_addopen(&actions, Int32(target), "/dev/null", O_RDWR, 0)
            }
        }
        _ = addCloseFrom?(&actions, descriptors.fourth == nil ? 3 : 4)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        // A session of its own: a terminal's interrupt is for us, who then end the sandboxes in order. POSIX_SPAWN_SETSID is 0x80.
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF) | 0x80)

        let argv = pointers(arguments)
        let environment = pointers(["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"])
        defer { for pointer in argv + environment { free(pointer) } }
        var pid: pid_t = 0
        let code = posix_spawn(&pid, arguments[0], &actions, &attributes, argv, environment)
        guard code == 0 else { throw SystemError(code, in: "start \(arguments[0])") }
        return ChildProcess(pid: pid)
    }

    private static func pointers(_ words: [String]) -> [UnsafeMutablePointer<CChar>?] { words.map { strdup($0) } + [nil] }

    private static func raised(_ descriptor: Descriptor) throws(SystemError) -> Descriptor {
        let copy = fcntl(descriptor.number, F_DUPFD_CLOEXEC, 10)
        guard copy >= 0 else { throw .current(in: "dup") }
        return Descriptor(owning: copy)
    }

    /// `posix_spawn_file_actions_addclosefrom_np`, which Swift's Glibc module does not show. Since glibc 2.34; without it everything that we
    /// open is closed on exec all the same.
    private static let addCloseFrom: (@convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, Int32) -> Int32)? =
        dlsym(nil, "posix_spawn_file_actions_addclosefrom_np").map {
            unsafeBitCast($0, to: (@convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, Int32) -> Int32).self)
        }

    func kill() {
        // Under the lock, so that it is not reaped, and its pid not another's, at that moment.
        status.withLock { if $0 == nil { _ = Glibc.kill(pid, SIGKILL) } }
    }

    /// Reaps it if it has ended.
    ///
    /// - Returns: its exit code, 128 plus the signal's number if one ended it; nil while it runs.
    func reap() -> Int32? {
        status.withLock { status in
            if let status { return status }
            var raw: Int32 = 0
            let result = waitpid(pid, &raw, WNOHANG)
            if result == pid {
                let signal = raw & 0x7f
                status = signal == 0 ? (raw >> 8) & 0xff : 128 + signal
            } else if result < 0, errno == ECHILD {
                status = 0
            }
            return status
        }
    }

    /// Waits for its end by looking often, which suits ends that are near.
    func reap(within limit: Duration) -> Int32? {
        let deadline = ContinuousClock.now + limit
        var pause: UInt32 = 200
        while true {
            if let status = reap() { return status }
            guard ContinuousClock.now < deadline else { return nil }
            usleep(pause)
            pause = min(pause * 2, 10_000)
        }
    }
}

/// The threads on which blocking calls run, never the cooperative pool's. They live as long as the program.
enum HostThreads {
    /// For file systems, control groups and waiting.
    static let blocking = started(4)
    /// For ends of sandboxes, which wait for the kernel most of the time: for a mount that a sandbox just being made holds a copy of, say.
    static let removing = started(8)
    /// For copies of disks, which take long.
    static let copying = started(2)
    /// One thread, which makes all children: they are told to die with it.
    static let spawning = started(1)

    private static func started(_ count: Int) -> NIOThreadPool {
        let pool = NIOThreadPool(numberOfThreads: count)
        pool.start()
        return pool
    }

    /// Runs `body` on a blocking thread. It runs to its end also when the task is cancelled.
    static func run<Result: Sendable>(on pool: NIOThreadPool = blocking, _ body: @escaping @Sendable () -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            pool.submit { _ in continuation.resume(returning: body()) }
        }
    }
}
#endif
