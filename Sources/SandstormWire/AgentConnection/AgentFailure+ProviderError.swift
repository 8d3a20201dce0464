import SandstormCore

extension AgentFailure {
    /// Linux's numbers, also where the gateway runs elsewhere.
    private enum Errno {
        static let eperm: Int32 = 1
        static let enoent: Int32 = 2
        static let eacces: Int32 = 13
        static let eexist: Int32 = 17
        static let enotdir: Int32 = 20
        static let eisdir: Int32 = 21
        static let einval: Int32 = 22
        static let enospc: Int32 = 28
        static let erofs: Int32 = 30
        static let enametoolong: Int32 = 36
        static let enosys: Int32 = 38
        static let enotempty: Int32 = 39
        static let eloop: Int32 = 40
        static let edquot: Int32 = 122
    }

    /// The failure as the waist knows it.
    ///
    /// Nearly all are the caller's: a program or file that is not there, a disk or process table that the sandbox has filled.
    ///
    /// - Parameter program: what was to be started, if it was that.
    func providerError(starting program: String? = nil) -> ProviderError {
        switch stage {
        case .program: ProviderError(.invalid, message, missingProgram: errno == Errno.enoent ? program : nil)
        case .request where errno == Errno.enosys: .unsupported(message)
        case .violation, .unsupportedFrame: ProviderError(.unavailable, "the sandbox's agent refused us: \(message)")
        case .port: ProviderError(.unavailable, message)
        default: ProviderError(.invalid, message)
        }
    }

    /// The failure of something that was to be done with a file.
    var fileError: ProviderError {
        var error = providerError()
        guard error.code == .invalid else { return error }
        switch stage {
        case .file: error.fileProblem = fileProblem
        case .archive: error.fileProblem = .badArchive
        case .request: error.fileProblem = .badPath
        case .resources: error.fileProblem = .other
        default: break
        }
        return error
    }

    private var fileProblem: ProviderError.FileProblem {
        switch errno {
        case Errno.enoent: .notFound
        case Errno.eexist: .exists
        case Errno.enotdir: .notDirectory
        case Errno.eisdir: .isDirectory
        case Errno.enotempty: .notEmpty
        case Errno.eacces, Errno.eperm, Errno.erofs: .notPermitted
        case Errno.enospc, Errno.edquot: .noSpace
        case Errno.enametoolong, Errno.eloop, Errno.einval: .badPath
        default: .other
        }
    }
}
