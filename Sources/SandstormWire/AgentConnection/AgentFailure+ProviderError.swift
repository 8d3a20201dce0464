import SandstormCore

extension AgentFailure {
    private static let enoent: Int32 = 2
    private static let enosys: Int32 = 38

    /// The failure as the waist knows it.
    ///
    /// Nearly all are the caller's: a program or file that is not there, a disk or process table that the sandbox has filled.
    ///
    /// - Parameter program: what was to be started, if it was that.
    func providerError(starting program: String? = nil) -> ProviderError {
        switch stage {
        case .program: ProviderError(.invalid, message, missingProgram: errno == Self.enoent ? program : nil)
        case .request where errno == Self.enosys: .unsupported(message)
        case .violation, .unsupportedFrame: ProviderError(.unavailable, "the sandbox's agent refused us: \(message)")
        default: ProviderError(.invalid, message)
        }
    }
}
