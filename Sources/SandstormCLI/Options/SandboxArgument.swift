import Sandstorm

/// Where something is in a sandbox: `sbx_…:/path`, or `sbx_…` for the workspace.
struct SandboxPath: Hashable {
    var sandbox: SandboxID
    var path: String

    /// The last part of the path; empty if it names none.
    var name: String {
        let last = path.split(separator: "/").last.map(String.init) ?? ""
        return last == "." || last == ".." ? "" : last
    }

    /// Whether a text names something in a sandbox, rightly or not.
    static func isMeant(by text: String) -> Bool { text.hasPrefix(SandboxKind.prefix + "_") }

    init(sandbox: SandboxID, path: String) {
        self.sandbox = sandbox
        self.path = path
    }

    /// Reads an argument; `nil` if it is none.
    init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let sandbox = SandboxID(String(parts[0])) else { return nil }
        let path = parts.count > 1 ? String(parts[1]) : ""
        guard !path.utf8.contains(0) else { return nil }
        self.init(sandbox: sandbox, path: path.isEmpty ? SandboxSpec.workspace : path)
    }

    /// The path of something in this directory.
    func appending(_ name: String) -> SandboxPath {
        SandboxPath(sandbox: sandbox, path: path.hasSuffix("/") ? path + name : path + "/" + name)
    }
}

extension OptionProblem {
    /// A text that should have been a sandbox's id.
    static func noSandboxID(_ text: String, at place: String) -> OptionProblem {
        OptionProblem(place, "\"\(text)\" is no sandbox id", remedy: "copy one from sandstorm sandboxes; it starts with sbx_")
    }

    /// A text that should have been a path in a sandbox.
    static func noSandboxPath(_ text: String, at place: String) -> OptionProblem {
        OptionProblem(place, "\"\(text)\" names nothing in a sandbox", remedy: "write SANDBOX:/PATH, such as sbx_…:/workspace/file")
    }

    /// A text that should have been a snapshot's id.
    static func noSnapshotID(_ text: String, at place: String) -> OptionProblem {
        OptionProblem(place, "\"\(text)\" is no snapshot id", remedy: "copy one from sandstorm snapshots; it starts with snp_")
    }
}

/// Reads arguments, and collects what is wrong with them.
struct ArgumentChecker {
    private(set) var problems: [OptionProblem] = []

    mutating func report(_ problem: OptionProblem?) {
        if let problem { problems.append(problem) }
    }

    mutating func sandbox(_ text: String, at place: String = "SANDBOX") -> SandboxID {
        if let id = SandboxID(text) { return id }
        problems.append(.noSandboxID(text, at: place))
        return .generate()
    }

    mutating func path(_ text: String, at place: String) -> SandboxPath {
        if let path = SandboxPath(text) { return path }
        problems.append(.noSandboxPath(text, at: place))
        return SandboxPath(sandbox: .generate(), path: "")
    }

    mutating func duration(_ text: String?, at place: String, in range: ClosedRange<Duration> = SandboxSpec.Limits.timeout) -> Duration? {
        guard let text else { return nil }
        if let duration = Duration(parsing: text), range.contains(duration) { return duration }
        problems.append(
            OptionProblem(
                place, "\"\(text)\" is no length of time from \(range.lowerBound.display) to \(range.upperBound.display)",
                remedy: "give 30s, 5m or 2h"))
        return nil
    }

    mutating func pairs(_ texts: [String], at place: String) -> [String: String] {
        var map: [String: String] = [:]
        for text in texts {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2, !parts[0].isEmpty {
                map[String(parts[0])] = String(parts[1])
            } else {
                problems.append(OptionProblem(place, "\"\(text)\" is no name and value", remedy: "write NAME=VALUE"))
            }
        }
        return map
    }

    /// - Throws: ``CommandFailure`` with every problem, if there are any; what was read before is of no use then.
    func finish() throws {
        if !problems.isEmpty { throw CommandFailure(problems) }
    }
}
