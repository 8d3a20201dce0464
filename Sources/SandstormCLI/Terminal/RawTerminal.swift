import Sandstorm

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The terminal on standard input while its keys belong to a program in a sandbox: nothing is echoed, edited or turned into signals here.
///
/// Whatever ends this program, the terminal is given back as it was: every way out goes through ``restore()``, the deadly signals included.
enum RawTerminal {
    // Read by signal handlers, which can take no lock. Written by `enter` before any handler is installed that reads it, and never again
    // while `isRaw` is set.
    nonisolated(unsafe) private static let saved = UnsafeMutablePointer<termios>.allocate(capacity: 1)
    nonisolated(unsafe) private static let isRaw = {
        let flag = UnsafeMutablePointer<sig_atomic_t>.allocate(capacity: 1)
        flag.pointee = 0
        return flag
    }()

    /// What ends a program at once; the terminal is given back before.
    private static let deadly = [SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV]

    /// Ends modes that a program in the sandbox may have left on: colours, a hidden cursor, reports of the mouse, of focus and of pasting,
    /// and keys that send something else.
    private static let resets =
        "\u{1B}[0m\u{1B}[?25h\u{1B}[?1000l\u{1B}[?1002l\u{1B}[?1003l\u{1B}[?1004l\u{1B}[?1006l\u{1B}[?2004l\u{1B}[>4;0m\u{1B}[?1l\u{1B}>"

    /// Whether standard input is a terminal.
    static var isAvailable: Bool { isatty(STDIN_FILENO) == 1 }

    /// The terminal's size in characters, if there is one that knows it.
    static var size: TerminalSize? {
        var window = winsize()
        for descriptor in [STDIN_FILENO, STDOUT_FILENO] where ioctl(descriptor, UInt(TIOCGWINSZ), &window) == 0 {
            if window.ws_col > 0, window.ws_row > 0 { return TerminalSize(columns: Int(window.ws_col), rows: Int(window.ws_row)) }
        }
        return nil
    }

    /// Hands the keys over. Without a terminal nothing happens.
    static func enter() {
        guard isAvailable, isRaw.pointee == 0, tcgetattr(STDIN_FILENO, saved) == 0 else { return }
        // A program in the background that touches its terminal is stopped, which must not happen on the way out.
        signal(SIGTTOU, SIG_IGN)
        isRaw.pointee = 1
        for number in deadly {
            signal(number) { number in
                RawTerminal.restoreMode()
                signal(number, SIG_DFL)
                raise(number)
            }
        }
        atexit { RawTerminal.restoreMode() }
        apply()
    }

    /// Takes the keys away again, also after this program was stopped and continued: a shell has its own idea of the terminal then.
    static func apply() {
        guard isRaw.pointee == 1 else { return }
        var mode = saved.pointee
        cfmakeraw(&mode)
        tcsetattr(STDIN_FILENO, TCSANOW, &mode)
    }

    /// Gives the terminal back. Answers of the terminal that nobody has read are dropped, so that a shell doesn't take them for commands.
    static func restore() {
        guard isRaw.pointee == 1 else { return }
        if isatty(STDOUT_FILENO) == 1 {
            let bytes = Array(resets.utf8)
            _ = bytes.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
        }
        restoreMode()
        for number in deadly { signal(number, SIG_DFL) }
    }

    /// Calls only what may be called in a signal handler.
    private static func restoreMode() {
        guard isRaw.pointee == 1 else { return }
        tcflush(STDIN_FILENO, TCIFLUSH)
        tcsetattr(STDIN_FILENO, TCSANOW, saved)
        isRaw.pointee = 0
    }
}
