/// Keeps the Swift runtime from looking for its crash reporter.
///
/// At every start the runtime derives the path of `swift-backtrace` from that of the executable. That fails, and ends the process, in a sandbox
/// without /proc; and where it succeeds, it names a file that the sandbox's user may write. The linker (`--wrap` in the package's manifest) puts
/// this function in the place of the runtime's own; nil means that there's no reporter.
@_cdecl("__wrap_swift_copyAuxiliaryExecutablePath")
func noCrashReporter(_ directory: UnsafePointer<CChar>?, _ name: UnsafePointer<CChar>?) -> UnsafeMutablePointer<CChar>? {
    nil
}
