/// The one table of how each language's code is installed, compiled and run.
///
/// A row knows nothing of any provider; the engine carries its plans out in whatever sandbox it has.
public struct LanguageRuntime: Sendable {
    /// The language of this row.
    public let language: Language
    /// The source file's name inside the workspace; where the language ties it to the code, the usual one.
    public let fileName: String
    private let requirementRule: RequirementRule
    private let plan: @Sendable (Program) -> [RunPlan]

    init(
        _ language: Language, fileName: String, requirements: RequirementRule,
        plan: @escaping @Sendable (Program) -> [RunPlan]
    ) {
        self.language = language
        self.fileName = fileName
        requirementRule = requirements
        self.plan = plan
    }

    /// What is to be run.
    struct Program: Sendable {
        var code: String
        var requirements: [String]
        var arguments: [String]
        var files: [String]
        /// The sandbox's memory in MiB, for runtimes that would size themselves by the machine's.
        var memory: Int

        /// The caller's other source files, which belong to the same program.
        func otherSources(_ extensions: String..., except own: String) -> [String] {
            let root = SandboxSpec.workspace + "/"
            let paths = files.map { String(WorkspacePath.absolute($0).dropFirst(root.count)) }
            return paths.filter { path in
                guard path != own, !path.hasPrefix(RunPlan.directory + "/") else { return false }
                return extensions.contains { path.hasSuffix("." + $0) }
            }
        }
    }

    /// The plans for `code`, best first; never empty.
    ///
    /// - Parameters:
    ///   - requirements: as they passed ``requirementProblems(_:at:)``.
    ///   - files: paths of what else is in the workspace; a compiler that must be told of each source file is told of them.
    ///   - memory: of the sandbox, in MiB.
    public func plans(
        code: String, requirements: [String] = [], arguments: [String] = [], files: [String] = [], memory: Int = SandboxSpec.standardMemory
    ) -> [RunPlan] {
        plan(Program(code: code, requirements: requirements, arguments: arguments, files: files, memory: memory))
    }

    /// What is wrong with `requirements` for this language: that it has no packages at all, or how one is spelled.
    ///
    /// - Parameter pointer: where the list stands in the request's body.
    public func requirementProblems(_ requirements: [String], at pointer: String) -> [FieldProblem] {
        requirementRule.problems(with: requirements, at: pointer)
    }
}

extension Language {
    /// How code in this language is run.
    public var runtime: LanguageRuntime {
        switch self {
        case .python: .python
        case .javascript: .javascript
        case .typescript: .typescript
        case .go: .go
        case .rust: .rust
        case .java: .java
        case .cpp: .cpp
        case .csharp: .csharp
        case .php: .php
        case .ruby: .ruby
        case .shell: .shell
        }
    }
}
