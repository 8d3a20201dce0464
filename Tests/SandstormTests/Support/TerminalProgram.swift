import Foundation
import SandstormCore
import SandstormTestSupport

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The built `sandstorm` at a terminal of its own: a pseudo-terminal whose keys the test types and whose screen it reads.
final class TerminalProgram: Sendable {
    private struct State {
        var screen: [UInt8] = []
        var code: Int32?
        var isOver = false
    }

    let pid: pid_t
    private let master: CInt
    /// Kept open, so that the terminal's mode can be asked for after the program's end.
    private let slave: CInt
    private let state = Locked(State())

    init(_ arguments: [String], environment: [String: String], columns: UInt16 = 80, rows: UInt16 = 24) throws {
        let path = Program.path
        // What posix_openpt, unlockpt and ptsname do, which this C library shows only to those who ask for XSI.
        master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        var (lock, number) = (CInt(0), CInt(0))
        guard master >= 0, ioctl(master, UInt(0x4004_5431), &lock) == 0, ioctl(master, UInt(0x8004_5430), &number) == 0 else {
            throw POSIXError(.ENOTTY)
        }
        let name = "/dev/pts/\(number)"
        slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC)
        var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(master, UInt(TIOCSWINSZ), &size)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        // The leader of a new session that opens a terminal has it as its own.
        posix_spawn_file_actions_addopen(&actions, 0, name, O_RDWR, 0)
        posix_spawn_file_actions_adddup2(&actions, 0, 1)
        posix_spawn_file_actions_adddup2(&actions, 0, 2)
        var signals = sigset_t()
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | 0x80))  // POSIX_SPAWN_SETSID
        let words = ([path] + arguments).map { strdup($0) } + [nil]
        let variables = environment.merging(["TERM": "xterm"]) { $1 }.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for word in words + variables { free(word) } }
        var pid: pid_t = 0
        guard posix_spawn(&pid, path, &actions, &attributes, words, variables) == 0 else { throw POSIXError(.ENOENT) }
        self.pid = pid
        let child = pid
        Thread.detachNewThread { [state, master] in
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while true {
                var poller = pollfd(fd: master, events: Int16(POLLIN), revents: 0)
                if poll(&poller, 1, 20) > 0 {
                    let count = read(master, &buffer, buffer.count)
                    if count > 0 { state.withLock { $0.screen += buffer.prefix(count) } }
                    if count < 0, errno != EINTR { break }
                } else if state.withLock({ $0.isOver }) {
                    break
                }
            }
            close(master)
        }
        Thread.detachNewThread { [state] in
            var status: Int32 = 0
            while waitpid(child, &status, 0) < 0, errno == EINTR {}
            state.withLock { $0.code = status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F) }
        }
    }

    deinit {
        if state.withLock({ $0.code == nil }) { kill(pid, SIGKILL) }
        close(slave)
        state.withLock { $0.isOver = true }
    }

    /// All that was written to the screen so far.
    var screen: String { String(decoding: state.withLock { $0.screen }, as: UTF8.self) }

    /// Keys are passed on as they are, and not echoed.
    var isRaw: Bool {
        var mode = termios()
        return tcgetattr(slave, &mode) == 0 && mode.c_lflag & tcflag_t(ICANON | ECHO | ISIG) == 0
    }

    func type(_ text: String) {
        let bytes = Array(text.utf8)
        _ = bytes.withUnsafeBytes { write(master, $0.baseAddress, $0.count) }
    }

    func resize(columns: UInt16, rows: UInt16) {
        var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(master, UInt(TIOCSWINSZ), &size)
    }

    func send(_ signal: Signal) { kill(pid, signal.rawValue) }

    /// Waits until the screen has `text` on it.
    func shows(_ text: String, within deadline: Duration = .seconds(30)) async -> Bool {
        await eventually(within: deadline) { self.screen.contains(text) }
    }

    /// The exit code, or 128 plus the signal; `nil` for a program that did not end in time.
    func exitCode(within deadline: Duration = .seconds(60)) async -> Int32? {
        _ = await eventually(within: deadline) { self.state.withLock { $0.code != nil } }
        return state.withLock { $0.code }
    }
}
