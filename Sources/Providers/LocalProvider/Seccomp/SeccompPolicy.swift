/// Which system calls a sandbox may make: the one table from which every launcher's filter is made.
///
/// What is in no row fails with ENOSYS, as if the kernel were older, so that libraries fall back to what they used before. The list is what
/// container engines allow a process without capabilities, less what only widens the kernel's surface here: no kernel keyrings, no bpf, no
/// io_uring, no userfaultfd, no new namespaces, no mounts. Names that the kernel's architecture lacks are skipped.
///
/// Allowed on purpose: `ptrace` and `process_vm_*` (debuggers; only processes of the same sandbox can be reached, the agent among them, which
/// the gateway doesn't trust anyway); `ioctl` as a whole (pushing input into a terminal reaches the sandbox's own terminals only); `seccomp`
/// and `landlock` (they can only restrict further); `memfd_create` (memory is counted).
enum SeccompPolicy {
    /// What happens to a call.
    enum Action: Hashable, Sendable {
        case allow
        /// It fails with this error.
        case fail(Int32)
    }

    /// A test of one argument.
    struct Test: Hashable, Sendable {
        enum Comparison: Hashable, Sendable {
            case equal
            case greater
            /// `argument & mask == value`.
            case masked(UInt64)
        }

        var argument: UInt32
        var comparison: Comparison
        var value: UInt64
    }

    /// Some calls, when all tests hold.
    struct Rule: Sendable {
        var action: Action
        var names: [String]
        var tests: [Test] = []
    }

    /// For everything that no rule speaks of.
    static let otherwise = Action.fail(enosys)

    static let rules: [Rule] =
        [Rule(action: .allow, names: allowed.flatMap(\.self)), Rule(action: .fail(eperm), names: forbidden)]
        + processes + otherProcessesLimits + sockets + personalities

    private static let eperm: Int32 = 1
    private static let enosys: Int32 = 38
    private static let eafnosupport: Int32 = 97

    // MARK: Allowed

    private static let allowed: [[String]] = [
        files, metadata, descriptors, memory, processControl, signals, time, scheduling, ipc, network, limits, architecture,
    ]

    private static let files = words(
        """
        access chdir chmod chown chown32 creat faccessat faccessat2 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat
        link linkat mkdir mkdirat mknod mknodat name_to_handle_at open openat openat2 readlink readlinkat rename renameat renameat2 rmdir
        symlink symlinkat truncate truncate64 umask unlink unlinkat getcwd getdents getdents64 inotify_add_watch inotify_init inotify_init1
        inotify_rm_watch utime utimensat utimensat_time64 utimes futimesat cachestat
        """)

    private static let metadata = words(
        """
        fstat fstat64 fstatat64 fstatfs fstatfs64 lstat lstat64 newfstatat stat stat64 statfs statfs64 statx fgetxattr flistxattr fremovexattr
        fsetxattr getxattr lgetxattr listxattr llistxattr lremovexattr lsetxattr removexattr setxattr lchown lchown32 listmount statmount
        """)

    private static let descriptors = words(
        """
        close close_range copy_file_range dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait
        epoll_wait_old eventfd eventfd2 fadvise64 fadvise64_64 fcntl fcntl64 fdatasync flock fsync ftruncate ftruncate64 ioctl _llseek lseek
        pipe pipe2 poll ppoll ppoll_time64 pread64 preadv preadv2 pselect6 pselect6_time64 pwrite64 pwritev pwritev2 read readahead readv select
        _newselect sendfile sendfile64 splice sync sync_file_range syncfs tee vmsplice write writev io_cancel io_destroy io_getevents
        io_pgetevents io_pgetevents_time64 io_setup io_submit
        """)

    private static let memory = words(
        """
        brk madvise map_shadow_stack membarrier memfd_create mincore mlock mlock2 mlockall mmap mmap2 mprotect mremap mseal msync munlock
        munlockall munmap pkey_alloc pkey_free pkey_mprotect process_madvise process_mrelease remap_file_pages get_mempolicy mbind set_mempolicy
        """)

    private static let processControl = words(
        """
        execve execveat exit exit_group fork vfork getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getpgid getpgrp
        getpid getppid getresgid getresgid32 getresuid getresuid32 getsid gettid getuid getuid32 setfsgid setfsgid32 setfsuid setfsuid32 setgid
        setgid32 setgroups setgroups32 setpgid setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setsid setuid
        setuid32 wait4 waitid waitpid pidfd_open pidfd_send_signal pidfd_getfd prctl ptrace process_vm_readv process_vm_writev kcmp seccomp
        landlock_add_rule landlock_create_ruleset landlock_restrict_self capget capset set_tid_address set_robust_list get_robust_list rseq
        futex futex_time64 futex_requeue futex_wait futex_waitv futex_wake restart_syscall uname sysinfo getcpu getrandom times
        """)

    private static let signals = words(
        """
        kill tkill tgkill pause rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait
        rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack signalfd signalfd4 sigprocmask sigreturn alarm getitimer setitimer
        """)

    private static let time = words(
        """
        clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep clock_nanosleep_time64 gettimeofday nanosleep time
        timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime
        timerfd_gettime64 timerfd_settime timerfd_settime64
        """)

    private static let scheduling = words(
        """
        getpriority setpriority ioprio_get ioprio_set sched_getaffinity sched_getattr sched_getparam sched_get_priority_max
        sched_get_priority_min sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr
        sched_setparam sched_setscheduler sched_yield
        """)

    private static let ipc = words(
        """
        ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink msgctl msgget
        msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt shmget
        """)

    private static let network = words(
        """
        accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg recvmmsg_time64 recvmsg send sendmmsg
        sendmsg sendto setsockopt shutdown socketpair
        """)

    private static let limits = words("getrlimit setrlimit ugetrlimit getrusage")

    private static let architecture = words("arch_prctl get_thread_area set_thread_area riscv_flush_icache riscv_hwprobe")

    // MARK: Forbidden

    /// What programs ask for and handle well when it is refused: an error that tells the truth.
    private static let forbidden = words(
        """
        mount umount umount2 pivot_root chroot unshare setns mount_setattr move_mount open_tree fsopen fsconfig fsmount fspick swapon swapoff
        reboot kexec_load kexec_file_load init_module finit_module delete_module bpf perf_event_open add_key keyctl request_key
        open_by_handle_at fanotify_init settimeofday clock_settime clock_settime64 clock_adjtime adjtimex sethostname setdomainname
        syslog acct quotactl quotactl_fd vhangup iopl ioperm lookup_dcookie
        """)

    // MARK: Allowed under conditions

    /// No new namespaces: each is a fresh way into the kernel. `clone3` hides its flags in memory, which a filter can't read, and falls through
    /// to ENOSYS, whereupon libraries use `clone`.
    private static let processes: [Rule] = {
        let namespaces: [UInt64] = [0x80, 0x0002_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000]
        let mask = namespaces.reduce(0, |)
        #if arch(s390x)
        let flags: UInt32 = 1
        #else
        let flags: UInt32 = 0
        #endif
        return [Rule(action: .allow, names: ["clone"], tests: [Test(argument: flags, comparison: .masked(mask), value: 0)])]
            + namespaces.map {
                Rule(action: .fail(eperm), names: ["clone"], tests: [Test(argument: flags, comparison: .masked($0), value: $0)])
            }
    }()

    /// Limits of other processes can be read, not set: the agent runs as the same user as the code.
    private static let otherProcessesLimits: [Rule] = [
        Rule(action: .allow, names: ["prlimit64"], tests: [Test(argument: 0, comparison: .equal, value: 0)]),
        Rule(action: .allow, names: ["prlimit64"], tests: [Test(argument: 2, comparison: .equal, value: 0)]),
        Rule(
            action: .fail(eperm), names: ["prlimit64"],
            tests: [Test(argument: 0, comparison: .greater, value: 0), Test(argument: 2, comparison: .greater, value: 0)]),
    ]

    /// Unix, IPv4, IPv6, and netlink for routing, by which libraries list interfaces. Nothing exotic: no packet, vsock, alg, tipc, bluetooth.
    private static let sockets: [Rule] = {
        func family(_ number: UInt64) -> Test { Test(argument: 0, comparison: .equal, value: number) }
        let netlink: UInt64 = 16
        let refused = (0...netlink).filter { ![1, 2, 10, netlink].contains($0) }
        return [1, 2, 10].map { Rule(action: .allow, names: ["socket"], tests: [family($0)]) }
            + [
                Rule(action: .allow, names: ["socket"], tests: [family(netlink), Test(argument: 2, comparison: .equal, value: 0)]),
                Rule(
                    action: .fail(eafnosupport), names: ["socket"],
                    tests: [family(netlink), Test(argument: 2, comparison: .greater, value: 0)]),
                Rule(action: .fail(eafnosupport), names: ["socket"], tests: [Test(argument: 0, comparison: .greater, value: netlink)]),
            ]
            + refused.map { Rule(action: .fail(eafnosupport), names: ["socket"], tests: [family($0)]) }
    }()

    /// Linux, 32-bit Linux, an old version number, both, without address randomisation (debuggers), and the question which it is.
    private static let personalities: [Rule] = [0, 0x8, 0x2_0000, 0x2_0008, 0x4_0000, 0xffff_ffff].map {
        Rule(action: .allow, names: ["personality"], tests: [Test(argument: 0, comparison: .equal, value: $0)])
    }

    private static func words(_ text: String) -> [String] { text.split(whereSeparator: \.isWhitespace).map(String.init) }
}
