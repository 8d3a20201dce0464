import SandstormCore

/// What the words of the system's small programs mean; said in the C locale.
enum FileFailure {
    private static let words: [(String, ProviderError.FileProblem)] = [
        ("no space left", .noSpace), ("disk quota exceeded", .noSpace), ("not enough disk space", .noSpace), ("no such file", .notFound),
        ("not a directory", .notDirectory), ("is a directory", .isDirectory), ("directory not empty", .notEmpty), ("file exists", .exists),
        ("file name too long", .badPath), ("too many levels", .badPath), ("permission denied", .notPermitted),
        ("operation not permitted", .notPermitted), ("read-only file system", .notPermitted), ("cannot overwrite directory", .isDirectory),
        ("invalid user", .other), ("invalid group", .other),
    ]

    static func problem(in text: String) -> ProviderError.FileProblem? {
        let text = text.lowercased()
        return words.first { text.contains($0.0) }?.1
    }

    /// The error of a call about `path` that failed with these words.
    static func error(_ path: String, _ text: String) -> ProviderError {
        let problem = problem(in: text) ?? .other
        return ProviderError(.invalid, "\(path): \(phrase(problem))", fileProblem: problem, vendorDetail: text)
    }

    static func error(_ path: String, _ problem: ProviderError.FileProblem) -> ProviderError {
        ProviderError(.invalid, "\(path): \(phrase(problem))", fileProblem: problem)
    }

    private static func phrase(_ problem: ProviderError.FileProblem) -> String {
        switch problem {
        case .notFound: "there is no such file or directory"
        case .exists: "there is something already"
        case .notDirectory: "not a directory"
        case .isDirectory: "is a directory"
        case .notEmpty: "the directory is not empty"
        case .notPermitted: "not permitted"
        case .noSpace: "the disk is full"
        case .tooLarge: "too large"
        case .badPath: "no path can be like that"
        case .badArchive: "not an archive, or one that leads outside"
        case .other: "the file system refuses it"
        }
    }
}
