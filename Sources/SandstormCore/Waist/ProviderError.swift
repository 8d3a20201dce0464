/// Why a provider did not do what it was asked, in the one taxonomy that routing acts on.
///
/// ``description`` is safe for logs and callers. What the vendor said word by word is in ``vendorDetail`` and shows only in
/// ``debugDescription``.
public struct ProviderError: Error, Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    /// The kind of failure; an adapter's whole job on a failure is to pick it.
    public enum Code: String, CaseIterable, Hashable, Sendable {
        /// This account or region can't take more now.
        case quotaExceeded
        /// The account's money is gone.
        case outOfCredit
        /// The place has no machine left.
        case noCapacity
        /// Too many calls; see ``ProviderError/retryAfter``.
        case rateLimited
        /// The provider is unwell.
        case unavailable
        /// The provider did not answer in time.
        case timedOut
        /// Our credentials are wrong.
        case unauthenticated
        /// Our credentials do not suffice.
        case forbidden
        /// It can't honour the spec, although its capabilities said so.
        case unsupported
        /// The caller's mistake.
        case invalid
        /// The sandbox is gone.
        case notFound
        /// The sandbox died under us: evicted, out of memory, host loss.
        case interrupted
    }

    /// What the engine does about a failure.
    public enum Disposition: Hashable, Sendable {
        /// Try the next offer.
        case elsewhere
        /// Try the next offer, and leave this one alone for a while.
        case elsewhereAndBackOff
        /// Try the same once more, then the next.
        case sameOnceThenElsewhere
        /// Tell the caller.
        case giveUp
    }

    /// What is wrong with a file that a call was about.
    public enum FileProblem: String, CaseIterable, Hashable, Sendable {
        /// There is nothing at the path, or a directory on the way is missing.
        case notFound
        /// There is something already.
        case exists
        /// A directory is needed.
        case notDirectory
        /// A directory is there where a file is needed.
        case isDirectory
        /// The directory has something in it.
        case notEmpty
        /// The sandbox's user may not do that.
        case notPermitted
        /// The disk, or the user's share of it, is full.
        case noSpace
        /// It is larger than may be handled at once.
        case tooLarge
        /// The path can't be one: too long, a loop of links, a NUL byte.
        case badPath
        /// The archive is none, or has members that may not be unpacked.
        case badArchive
        /// Any other failure of the file system.
        case other
    }

    /// What ``disposition`` follows from.
    public var code: Code
    /// For logs and callers: no secrets, nothing of the vendor's bodies.
    public var message: String
    /// How long the vendor asks us to wait.
    public var retryAfter: Duration?
    /// What was asked for may have happened all the same, so that it must be looked for: a create that timed out.
    public var mayHaveTakenEffect: Bool
    /// With `interrupted`: the code had started.
    public var afterStart: Bool
    /// With `interrupted`: it died of its memory limit.
    public var outOfMemory: Bool
    /// With `invalid`: the program that is not there, when that was the reason.
    public var missingProgram: String?
    /// With `invalid`: what is wrong with the file, when a file was the reason.
    public var fileProblem: FileProblem?
    /// The vendor's own status, such as an HTTP status.
    public var vendorStatus: Int?
    /// What the vendor said, for debugging only.
    public var vendorDetail: String?

    /// Takes a `message` that callers may see; the vendor's own words belong in `vendorDetail`.
    public init(
        _ code: Code, _ message: String, retryAfter: Duration? = nil, mayHaveTakenEffect: Bool = false, afterStart: Bool = false,
        outOfMemory: Bool = false, missingProgram: String? = nil, fileProblem: FileProblem? = nil, vendorStatus: Int? = nil,
        vendorDetail: String? = nil
    ) {
        self.code = code
        self.message = message
        self.retryAfter = retryAfter
        self.mayHaveTakenEffect = mayHaveTakenEffect
        self.afterStart = afterStart
        self.outOfMemory = outOfMemory
        self.missingProgram = missingProgram
        self.fileProblem = fileProblem
        self.vendorStatus = vendorStatus
        self.vendorDetail = vendorDetail
    }

    /// It can't honour `feature`.
    public static func unsupported(_ feature: String) -> ProviderError { ProviderError(.unsupported, feature) }

    /// What the engine does about it.
    public var disposition: Disposition {
        switch code {
        case .quotaExceeded, .outOfCredit, .noCapacity, .unauthenticated, .forbidden, .unsupported: .elsewhere
        case .rateLimited: .elsewhereAndBackOff
        case .unavailable, .timedOut: .sameOnceThenElsewhere
        case .invalid, .notFound: .giveUp
        case .interrupted: afterStart ? .giveUp : .elsewhere
        }
    }

    /// Code and message: `noCapacity: no machine is free`.
    public var description: String { "\(code.rawValue): \(message)" }

    /// The description with the vendor's status and words; never for callers.
    public var debugDescription: String {
        [description, vendorStatus.map { "vendor status \($0)" }, vendorDetail].compactMap(\.self).joined(separator: "; ")
    }
}
