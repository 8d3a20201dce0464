/// How a language's requirements are spelled, if it can have any.
enum RequirementRule: Sendable {
    /// Whatever the language's package tool understands.
    case any
    /// No package tool that would suit every program.
    case none(remedy: String)
    /// Exactly this form, because the requirement becomes a part of a file or the tool would take it for something else.
    case form(remedy: String, isValid: @Sendable (String) -> Bool)

    func problems(with requirements: [String], at pointer: String) -> [FieldProblem] {
        switch self {
        case .any: return []
        case .none(let remedy):
            guard !requirements.isEmpty else { return [] }
            return [FieldProblem(pointer: pointer, detail: "are not supported for this language", remedy: remedy)]
        case .form(let remedy, let isValid):
            return requirements.enumerated().filter { !isValid($0.element) }.map { index, _ in
                FieldProblem(pointer: "\(pointer)/\(index)", detail: "is not a package of this language", remedy: remedy)
            }
        }
    }
}

extension String {
    /// Not empty, and nothing but ASCII letters, digits and `punctuation`.
    func isMade(of punctuation: String) -> Bool {
        !isEmpty
            && unicodeScalars.allSatisfy { scalar in
                switch scalar {
                case "a"..."z", "A"..."Z", "0"..."9": true
                default: punctuation.unicodeScalars.contains(scalar)
                }
            }
    }

    /// The parts before and after the first `separator`, the second `nil` if there is none.
    func halves(at separator: Character) -> (String, String?) {
        guard let index = firstIndex(of: separator) else { return (self, nil) }
        return (String(self[..<index]), String(self[self.index(after: index)...]))
    }
}
