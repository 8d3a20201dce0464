import CLinux
import Glibc

/// A pseudo-terminal: the agent's side of it.
struct Terminal {
    let master: Descriptor
    /// What the child opens to make it its controlling terminal.
    let slavePath: [UInt8]
    /// Kept open during the start: it proves that the path works, and the terminal is never without a slave before the child has it.
    let slave: Descriptor

    init(size: AgentTerminalSize) throws(SystemError) {
        master = try Self.openMaster()
        guard unlockpt(master.number) == 0 else { throw .current(in: "unlockpt") }
        var name = [CChar](repeating: 0, count: 64)
        let code = ptsname_r(master.number, &name, name.count)
        guard code == 0 else { throw SystemError(code, in: "ptsname") }
        slavePath = name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        slave = try Descriptor.open(slavePath, O_RDWR | O_NOCTTY)
        Self.enableUTF8(slave)
        Self.resize(master, to: size)
    }

    /// `posix_openpt` is no more than this, but for the second place, where a sandbox without /dev/ptmx may have it.
    private static func openMaster() throws(SystemError) -> Descriptor {
        do throws(SystemError) {
            return try Descriptor.open(Array("/dev/ptmx".utf8), O_RDWR | O_NOCTTY)
        } catch {
            guard let master = try? Descriptor.open(Array("/dev/pts/ptmx".utf8), O_RDWR | O_NOCTTY) else { throw error }
            return master
        }
    }

    static func resize(_ master: Descriptor, to size: AgentTerminalSize) {
        var window = winsize(ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(master.number, UInt(TIOCSWINSZ), &window)
    }

    /// What to type to end the input.
    ///
    /// When something was typed since the last newline (`isMidLine`), the end-of-file character only completes the line, and it takes a second
    /// one to end the input.
    static func endOfInput(_ master: Descriptor, isMidLine: Bool) -> [UInt8] {
        var settings = termios()
        guard tcgetattr(master.number, &settings) == 0 else { return [4] }
        let character = settings.c_cc.4  // VEOF
        let isCanonical = settings.c_lflag & tcflag_t(ICANON) != 0
        return isMidLine && isCanonical ? [character, character] : [character]
    }

    /// Erasing a character erases all its bytes.
    private static func enableUTF8(_ slave: Descriptor) {
        var settings = termios()
        guard tcgetattr(slave.number, &settings) == 0 else { return }
        settings.c_iflag |= tcflag_t(IUTF8)
        _ = tcsetattr(slave.number, TCSANOW, &settings)
    }
}
