/// One thing that is wrong with a request, where it is, and what would be right.
public struct FieldProblem: Hashable, Sendable, CustomStringConvertible {
    /// JSON pointer (RFC 6901) to the field, from the root of the body: `/spec/files/0/path`.
    public let pointer: String
    /// What is wrong.
    public let detail: String
    /// What to do about it.
    public let remedy: String

    /// Takes a `remedy` that tells the caller what to send instead.
    public init(pointer: String, detail: String, remedy: String) {
        self.pointer = pointer
        self.detail = detail
        self.remedy = remedy
    }

    /// Place, fault and remedy: `/spec/code: is missing; send code with a language, or a command`.
    public var description: String { "\(pointer): \(detail); \(remedy)" }
}

/// A request that can't be right, with every problem found in it.
///
/// Raised before any provider is called: nothing was started and nothing is charged.
public struct InvalidRequest: Error, Hashable, CustomStringConvertible {
    /// At least one problem.
    public let problems: [FieldProblem]

    /// Takes all problems of a request; at least one.
    public init(problems: [FieldProblem]) { self.problems = problems }

    /// The one problem of a request.
    public init(_ pointer: String, _ detail: String, remedy: String) {
        problems = [FieldProblem(pointer: pointer, detail: detail, remedy: remedy)]
    }

    /// One problem a line.
    public var description: String { problems.map(\.description).joined(separator: "\n") }
}
