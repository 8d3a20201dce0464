import SandstormCore

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A program started by `posix_spawn` and nothing else: the baseline.
enum BareProcess {
    /// Times one start.
    ///
    /// - Parameter file: opened as descriptor 3 for the program.
    /// - Returns: from before the start to the first byte of output, and to the end of the program, reaped.
    static func time(_ arguments: [String], file: String? = nil) throws -> (firstByte: Duration, end: Duration) {
        let start = ContinuousClock.now
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw BenchmarkFailure("pipe: \(errno)") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        #if canImport(Glibc)
        var actions = posix_spawn_file_actions_t()
        #else
        var actions: posix_spawn_file_actions_t?
        #endif
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        if let file { posix_spawn_file_actions_addopen(&actions, 3, file, O_RDONLY, 0) }
        let words = arguments.map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var pid: pid_t = 0
        let result = posix_spawn(&pid, arguments[0], &actions, nil, words, environ)
        close(ends[1])
        guard result == 0 else {
            close(ends[0])
            throw BenchmarkFailure("\(arguments[0]) could not be started: \(result)")
        }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = read(ends[0], &buffer, buffer.count)
        let firstByte = start.duration(to: .now)
        while read(ends[0], &buffer, buffer.count) > 0 {}
        close(ends[0])
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        guard count > 0, status == 0 else { throw BenchmarkFailure("\(arguments[0]) printed nothing, or failed (\(status))") }
        return (firstByte, start.duration(to: .now))
    }
}
