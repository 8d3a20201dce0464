/// A programming language that a spec's code may be written in.
public enum Language: String, CaseIterable, Hashable, Sendable {
    case python, javascript, typescript, go, rust, java, cpp, csharp, php, ruby, shell

    /// Takes a language's name or one of its usual short names, in any letter case: `py`, `js`, `c++`, `bash`.
    public init?(named name: some StringProtocol) {
        let name = name.lowercased()
        guard let language = Language(rawValue: name) ?? Language.aliases[name] else { return nil }
        self = language
    }

    /// The language that a source file's extension stands for: `py`, `rs`.
    public init?(fileExtension: some StringProtocol) {
        guard let language = Language.extensions[fileExtension.lowercased()] else { return nil }
        self = language
    }

    private static let aliases: [String: Language] = [
        "py": .python, "python3": .python, "js": .javascript, "node": .javascript, "ts": .typescript, "golang": .go, "rs": .rust,
        "c++": .cpp, "cxx": .cpp, "c#": .csharp, "cs": .csharp, "rb": .ruby, "sh": .shell, "bash": .shell,
    ]

    private static let extensions: [String: Language] = [
        "py": .python, "js": .javascript, "mjs": .javascript, "cjs": .javascript, "ts": .typescript, "mts": .typescript, "go": .go,
        "rs": .rust, "java": .java, "cpp": .cpp, "cc": .cpp, "cxx": .cpp, "cs": .csharp, "php": .php, "rb": .ruby, "sh": .shell,
        "bash": .shell,
    ]
}
