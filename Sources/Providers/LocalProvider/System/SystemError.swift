#if os(Linux)
import Glibc
import SandstormCore

/// A system call that failed, and what it was for.
struct SystemError: Error, CustomStringConvertible {
    let code: Int32
    let step: String

    init(_ code: Int32, in step: String) {
        self.code = code
        self.step = step
    }

    /// The error of the call that has just failed.
    static func current(in step: String) -> SystemError { SystemError(errno, in: step) }

    var description: String { "\(step): \(String(cString: strerror(code)))" }

    /// The failure as the waist knows it: a place that is unwell. Paths of the machine stay in the detail.
    func providerError(_ message: String) -> ProviderError {
        ProviderError(.unavailable, "\(message): \(String(cString: strerror(code)))", vendorDetail: description)
    }
}
#endif
