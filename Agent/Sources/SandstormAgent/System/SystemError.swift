import Glibc

/// A system call that failed, and what it was for.
struct SystemError: Error, CustomStringConvertible {
    let code: Int32
    let step: String

    init(_ code: Int32, in step: String) {
        self.code = code
        self.step = step
    }

    /// Takes the calling thread's `errno`: make it before any other call.
    static func current(in step: String) -> SystemError {
        SystemError(errno, in: step)
    }

    var description: String { "\(step): \(Self.text(of: code))" }

    static func text(of code: Int32) -> String {
        guard let text = strerror(code) else { return "error \(code)" }
        return String(cString: text)
    }

    /// Whether the machine, and not the request, is to blame.
    static func meansExhaustion(_ code: Int32) -> Bool {
        switch code {
        case EAGAIN, ENOMEM, EMFILE, ENFILE, ENOSPC: true
        default: false
        }
    }
}
