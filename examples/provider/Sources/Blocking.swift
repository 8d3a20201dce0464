import Foundation
import SandstormCore

/// Runs what may wait for a disk or a process on a thread of its own: the threads of Swift's concurrency are few, and must never wait.
func blocking<Value: Sendable>(
    _ body: @escaping @Sendable () throws(ProviderError) -> Value
) async throws(ProviderError) -> Value {
    let result: Result<Value, ProviderError> = await withCheckedContinuation { continuation in
        Thread.detachNewThread {
            continuation.resume(returning: Result { () throws(ProviderError) in try body() })
        }
    }
    return try result.get()
}

extension ProviderError {
    /// What a failed system call about a file means for the caller.
    static func file(_ path: String, _ code: Int32 = errno) -> ProviderError {
        let problem: FileProblem =
            switch code {
            case ENOENT: .notFound
            case EEXIST: .exists
            case ENOTDIR: .notDirectory
            case EISDIR: .isDirectory
            case ENOTEMPTY: .notEmpty
            case EACCES, EPERM, EROFS: .notPermitted
            case ENOSPC, EDQUOT: .noSpace
            case ENAMETOOLONG, ELOOP: .badPath
            default: .other
            }
        return ProviderError(.invalid, "\(path): \(String(cString: strerror(code)))", fileProblem: problem)
    }
}
