import HTTPTypes
import SandstormCore
import SandstormEngine
import SandstormServer
import SandstormWire

/// What went wrong, in the words of envd's two dialects: Connect's for its procedures, the vendor's JSON for the rest.
enum EnvdFailure {
    /// As a procedure says it.
    ///
    /// - Returns: ``ConnectError``, or what is to be passed on as it is: what the vendor's proxy would answer in envd's place.
    static func ofProcedure(_ error: any Error, in sandbox: OpenSandbox) -> any Error {
        switch error {
        case let error as EngineError: return ofProcedure(error, in: sandbox)
        case let error as ProviderError:
            return error.fileProblem.map { ConnectError(code(of: $0), error.message) } ?? ofProcedure(EngineError(error), in: sandbox)
        case let problem as Problem where problem.kind == .shuttingDown: return ConnectError(.unavailable, problem.detail)
        case is CancellationError: return ConnectError(.unavailable, Problem.stopping.detail)
        default: return error
        }
    }

    private static func ofProcedure(_ error: EngineError, in sandbox: OpenSandbox) -> any Error {
        let details = error.problems.prefix(20).map { "\($0.pointer) \($0.detail): \($0.remedy)" }
        let message = ([error.message] + details).joined(separator: "; ")
        switch error.kind {
        case .sandboxEnded: return E2BError.sandboxNotFound(sandbox.name)
        default: return ConnectError(code(of: error.kind), message)
        }
    }

    private static func code(of kind: EngineError.Kind) -> ConnectCode {
        switch kind {
        case .invalidRequest: .invalidArgument
        case .notFound, .fileNotFound: .notFound
        case .fileForbidden: .permissionDenied
        case .unsupported: .unimplemented
        // Frozen, or being changed otherwise.
        case .conflict: .failedPrecondition
        case .tooBusy: .resourceExhausted
        case .diskFull, .internal, .idempotencyConflict, .noOffer: .internal
        case .storeUnavailable, .shuttingDown, .sandboxEnded, .providerFailed, .providerTimedOut: .unavailable
        }
    }

    private static func code(of problem: ProviderError.FileProblem) -> ConnectCode {
        switch problem {
        case .notFound: .notFound
        case .exists: .alreadyExists
        case .notDirectory, .isDirectory, .badPath, .tooLarge, .badArchive: .invalidArgument
        case .notEmpty: .failedPrecondition
        case .notPermitted: .permissionDenied
        // An SDK would take `resource_exhausted` for too many requests.
        case .noSpace, .other: .internal
        }
    }

    /// As a route says it that is no procedure.
    static func ofRoute(_ error: any Error, in sandbox: OpenSandbox) -> any Error {
        switch error {
        case let error as ConnectError:
            return E2BError(HTTPResponse.Status(code: error.code.httpStatus), error.message)
        case let error as ProviderError:
            guard let problem = error.fileProblem else { return ofRoute(EngineError(error), in: sandbox) }
            return E2BError(status(of: problem), error.message)
        case let error as EngineError:
            switch error.kind {
            case .sandboxEnded: return E2BError.sandboxNotFound(sandbox.name)
            case .conflict: return E2BError.sandboxInTransition(sandbox.name)
            default: return error
            }
        // What an upload made of an engine's or a provider's error.
        case let problem as Problem:
            switch problem.kind {
            case .sandboxEnded: return E2BError.sandboxNotFound(sandbox.name)
            case .conflict, .unsupportedEncoding: return E2BError(.badRequest, problem.detail, headers: problem.headers)
            case .diskFull: return E2BError(problem.kind.status, problem.detail, headers: problem.headers)
            default: return problem
            }
        default: return error
        }
    }

    private static func status(of problem: ProviderError.FileProblem) -> HTTPResponse.Status {
        switch problem {
        case .notFound: .notFound
        case .exists, .notDirectory, .isDirectory, .badPath, .notEmpty, .badArchive: .badRequest
        case .notPermitted: .forbidden
        case .noSpace: HTTPResponse.Status(code: 507, reasonPhrase: "Insufficient Storage")
        case .tooLarge: .contentTooLarge
        case .other: .internalServerError
        }
    }
}
