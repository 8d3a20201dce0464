import NIOCore
import SandstormCore
import SandstormWire

/// A failed call to what is inside a sandbox, before it is known how the sandbox is: section 7.2 of the dialect.
enum EnvdFailure: Error, Sendable {
    /// What stands before the sandbox says that it is not there: killed, expired, or paused.
    case absent(VendorAnswer)
    /// The token is not, or not any more, the sandbox's.
    case staleToken
    /// envd's own answer, or that of something before it, in the protocol's words.
    case connect(ConnectError, VendorAnswer?)
    /// There is no answer, or it broke off.
    case transport(VendorFailure)
    /// An answer that is not the protocol's.
    case garbage(String)

    /// Reads an answer that is no success.
    init(_ answer: VendorAnswer) {
        let json = answer.json
        let message = json?["message"]?.stringValue ?? ""
        // What stands before envd has a number for a code, envd's own calls have a word.
        let isProtocol = json?["code"]?.stringValue != nil
        if answer.status == 502, !isProtocol, message.contains("was not found") {
            self = .absent(answer)
        } else if answer.status == 401, !isProtocol, EnvdFailure.isAboutToken(message) {
            self = .staleToken
        } else {
            self = .connect(ConnectError(httpStatus: answer.status, body: answer.body.readableBytesView), answer)
        }
    }

    /// envd answers 401 to an unknown user too.
    private static func isAboutToken(_ message: String) -> Bool {
        let lowered = message.lowercased()
        return !lowered.contains("user") || lowered.contains("token") || lowered.contains("unauthorized")
    }

    /// The taxonomy's word, for a sandbox that is there.
    var error: ProviderError {
        switch self {
        case .absent(let answer):
            return ProviderError(.notFound, "the sandbox is gone", vendorStatus: answer.status)
        case .staleToken: return ProviderError(.unauthenticated, "the sandbox does not accept its token", vendorStatus: 401)
        case .garbage(let words):
            return ProviderError(.unavailable, "the sandbox's answer makes no sense", mayHaveTakenEffect: true, vendorDetail: words)
        case .transport(let failure):
            switch failure.kind {
            case .timedOut:
                return ProviderError(.timedOut, "the sandbox did not answer in time", mayHaveTakenEffect: failure.mayHaveArrived)
            case .cancelled: return ProviderError(.interrupted, "the caller has gone", mayHaveTakenEffect: failure.mayHaveArrived)
            case .source(let error): return error
            case .unreachable, .lost, .garbage, .tooLong:
                return ProviderError(
                    .unavailable, "the sandbox can't be reached: \(failure.words)", mayHaveTakenEffect: failure.mayHaveArrived)
            }
        case .connect(let failure, let answer): return EnvdFailure.error(failure, answer)
        }
    }

    private static func error(_ failure: ConnectError, _ answer: VendorAnswer?) -> ProviderError {
        var error: ProviderError
        switch failure.code {
        case .notFound: error = ProviderError(.invalid, "it is not there", fileProblem: .notFound)
        case .alreadyExists: error = ProviderError(.invalid, "it is there already", fileProblem: .exists)
        case .invalidArgument, .outOfRange, .failedPrecondition: error = ProviderError(.invalid, "the sandbox refuses the call")
        case .unauthenticated: error = ProviderError(.invalid, "there is no such user")
        case .permissionDenied: error = ProviderError(.forbidden, "the sandbox does not allow it")
        case .unimplemented: error = .unsupported("something that the sandbox's agent can't do")
        case .resourceExhausted: error = ProviderError(.rateLimited, "the sandbox wants fewer calls")
        case .deadlineExceeded: error = ProviderError(.timedOut, "the sandbox did not get it done in time", mayHaveTakenEffect: true)
        case .canceled: error = ProviderError(.interrupted, "the sandbox was paused or is shutting down", mayHaveTakenEffect: true)
        case .unavailable, .aborted, .internal, .unknown, .dataLoss:
            error = ProviderError(.unavailable, "the sandbox failed", mayHaveTakenEffect: true)
        }
        error.vendorStatus = answer?.status
        error.vendorDetail = failure.description
        error.retryAfter = answer?.retryAfter
        if answer?.status == 507 { error = ProviderError(.invalid, "the disk is full", fileProblem: .noSpace, vendorStatus: 507) }
        return error
    }

    /// Whether it may be that the sandbox is not there any more, so that it is worth asking the control plane.
    var mayMeanAbsence: Bool {
        switch self {
        case .absent: true
        case .staleToken: false
        case .garbage: true
        case .transport(let failure): failure.kind != .cancelled && !failure.isOurs
        case .connect(let failure, let answer):
            switch failure.code {
            case .canceled, .unavailable, .aborted, .internal, .unknown, .dataLoss: answer?.status != 507
            default: false
            }
        }
    }
}

extension VendorFailure {
    /// The vendor has nothing to do with it.
    var isOurs: Bool { if case .source = kind { true } else { false } }
}
