extension SandboxSpec {
    /// The bounds of a spec, and how a message names them.
    public enum Limits {
        /// In vCPUs.
        public static let cpu = 0.001...64.0
        /// In MiB.
        public static let memory = 64...524_288
        /// In GiB.
        public static let disk = 1...1024
        /// From the code's start, installing and compiling included.
        public static let timeout: ClosedRange<Duration> = .seconds(1) ... .seconds(86_400)
        static let cpuRemedy = "send vCPUs above 0 and at most 64"
        static let memoryRemedy = "send MiB from 64 to 524288"
        static let diskRemedy = "send GiB from 1 to 1024"
        static let timeoutRemedy = "send milliseconds from 1000 to 86400000"
    }

    /// The directory in which code runs and to which relative paths refer.
    public static let workspace = "/workspace"

    /// The user who may do everything inside a sandbox with ``rootAccess``.
    public static let root = "root"

    /// What a spec is for.
    public enum Purpose: Hashable, Sendable {
        /// To run one program.
        case run
        /// To be lived in: programs are started later.
        case sandbox
    }

    /// Returns the spec if nothing is wrong with it.
    ///
    /// - Throws: ``InvalidRequest`` with every problem.
    public func validated(at pointer: String = "", for purpose: Purpose = .run) throws(InvalidRequest) -> SandboxSpec {
        let problems = validate(at: pointer, for: purpose)
        guard problems.isEmpty else { throw InvalidRequest(problems: problems) }
        return self
    }

    func validate(at pointer: String, for purpose: Purpose) -> [FieldProblem] {
        var rules = SpecRules(pointer: pointer)
        switch purpose {
        case .run: rules.checkProgram(self)
        case .sandbox: rules.checkNoProgram(self)
        }
        rules.checkResources(self)
        rules.checkNames(self)
        rules.checkRequirements(self)
        for (index, file) in files.enumerated() { rules.checkPath(file.path, at: "files/\(index)/path") }
        rules.checkDuplicateFiles(files)
        return rules.problems
    }
}

/// The rules that a spec must satisfy, and what was found to break them.
private struct SpecRules {
    let pointer: String
    var problems: [FieldProblem] = []

    init(pointer: String) { self.pointer = pointer }

    mutating func report(_ field: String, _ detail: String, _ remedy: String) {
        problems.append(FieldProblem(pointer: "\(pointer)/\(field)", detail: detail, remedy: remedy))
    }

    mutating func checkProgram(_ spec: SandboxSpec) {
        switch (spec.code, spec.command) {
        case (nil, nil): report("code", "is missing", "send code with a language, or a command")
        case (_?, _?): report("command", "is given beside code", "send one of the two")
        case (let code?, nil):
            if spec.language == nil { report("language", "is missing", "name the code's language: \(Language.names)") }
            if code.utf8.contains(0) { report("code", "contains a NUL byte", "remove it") }
        case (nil, let command?):
            if command.first?.isEmpty ?? true { report("command", "names no program", "send [\"program\", \"argument\", …]") }
            if spec.language != nil { report("language", "is given with a command", "leave it out, or send code") }
            if !spec.requirements.isEmpty {
                report("requirements", "are given with a command", "install them by the command, or send code")
            }
        }
        for (index, word) in (spec.command ?? []).enumerated() where word.utf8.contains(0) {
            report("command/\(index)", "contains a NUL byte", "remove it")
        }
        for (index, word) in spec.arguments.enumerated() where word.utf8.contains(0) {
            report("arguments/\(index)", "contains a NUL byte", "remove it")
        }
    }

    /// A sandbox to live in starts without a program, and without what only a program needs.
    mutating func checkNoProgram(_ spec: SandboxSpec) {
        let given = [
            "code": spec.code != nil, "command": spec.command != nil, "language": spec.language != nil,
            "requirements": !spec.requirements.isEmpty, "arguments": !spec.arguments.isEmpty, "stdin": !spec.stdin.isEmpty,
        ]
        for field in given.keys.sorted() where given[field] == true {
            report(field, "has no meaning for a sandbox", "leave it out, and start processes in the sandbox once it is there")
        }
    }

    mutating func checkResources(_ spec: SandboxSpec) {
        typealias Limits = SandboxSpec.Limits
        if !(spec.cpu > 0 && spec.cpu <= Limits.cpu.upperBound) { report("cpu", "is out of range", Limits.cpuRemedy) }
        if !Limits.memory.contains(spec.memory) { report("memory", "is out of range", Limits.memoryRemedy) }
        if !Limits.disk.contains(spec.disk) { report("disk", "is out of range", Limits.diskRemedy) }
        if !Limits.timeout.contains(spec.timeout) { report("timeout", "is out of range", Limits.timeoutRemedy) }
        if let gpu = spec.gpu {
            if gpu.type.isEmpty { report("gpu/type", "is empty", "name a type such as \"L4\"") }
            if !(1...16).contains(gpu.count) { report("gpu/count", "is out of range", "send 1 to 16") }
        }
    }

    mutating func checkNames(_ spec: SandboxSpec) {
        for (name, value) in spec.environment.sorted(by: { $0.key < $1.key }) {
            let field = "environment/\(JSONReader.escape(name))"
            if !Self.isEnvironmentName(name) {
                report(field, "is not an environment name", "use letters, digits and _, not starting with a digit")
            }
            if value.utf8.contains(0) { report(field, "contains a NUL byte", "remove it") }
        }
        for (index, name) in spec.secrets.enumerated() where !Self.isEnvironmentName(name) {
            report("secrets/\(index)", "is not a secret's name", "use letters, digits and _, not starting with a digit")
        }
        if spec.metadata.count > 64 { report("metadata", "has more than 64 labels", "send fewer") }
        for (name, value) in spec.metadata.sorted(by: { $0.key < $1.key }) where name.isEmpty || name.count > 128 || value.count > 1024 {
            report("metadata/\(JSONReader.escape(name))", "is too long or has no name", "name: 1–128 characters, value: at most 1024")
        }
        for (field, text) in [("region", spec.region), ("image", spec.image)] {
            guard let text else { continue }
            if text.isEmpty || text.count > 512 || text.contains(where: { $0.isWhitespace || !$0.isASCII })
                || text.utf8.contains(where: { $0 < 0x21 })
            {
                report(field, "is not a valid name", "send 1–512 printable ASCII characters without spaces, or leave it out")
            }
        }
    }

    mutating func checkRequirements(_ spec: SandboxSpec) {
        for (index, requirement) in spec.requirements.enumerated() where !Self.isRequirement(requirement) {
            report(
                "requirements/\(index)", "is not a package requirement",
                "name a package and, if need be, a version: \"requests==2.32.3\", \"left-pad@1.3.0\"")
        }
        if let runtime = spec.language?.runtime {
            let reported = Set(problems.map(\.pointer))
            let found = runtime.requirementProblems(spec.requirements, at: "\(pointer)/requirements")
            problems += found.filter { !reported.contains($0.pointer) }
        }
        if !spec.requirements.isEmpty, spec.network == .none {
            report(
                "requirements", "are fetched from a package registry, which network \"none\" does not reach",
                "set network to \"open\" or {\"allow\": […]}")
        }
    }

    mutating func checkPath(_ path: String, at field: String) {
        if let reason = WorkspacePath.problem(with: path) {
            report(field, reason, "name a file inside \(SandboxSpec.workspace), such as \"data/input.csv\"")
        }
    }

    mutating func checkDuplicateFiles(_ files: [SpecFile]) {
        var seen: Set<String> = []
        for (index, file) in files.enumerated() where !seen.insert(WorkspacePath.absolute(file.path)).inserted {
            report("files/\(index)/path", "is given twice", "send each file once")
        }
    }

    private static func isEnvironmentName(_ name: String) -> Bool {
        guard let first = name.utf8.first, name.utf8.count <= 256 else { return false }
        return !isDigit(first) && name.utf8.allSatisfy { isLetter($0) || isDigit($0) || $0 == UInt8(ascii: "_") }
    }

    /// A requirement goes to a package tool as one argument: no white space, no control characters, and never an option.
    private static func isRequirement(_ text: String) -> Bool {
        guard let first = text.utf8.first, text.utf8.count <= 256 else { return false }
        let punctuation = Array("@/._-+~^<>=!,*[]:;#%&()'\"|".utf8)
        return (isLetter(first) || isDigit(first) || first == UInt8(ascii: "@"))
            && text.utf8.allSatisfy { isLetter($0) || isDigit($0) || punctuation.contains($0) }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}

/// Paths of files that a caller puts into the workspace.
package enum WorkspacePath {
    /// Why `path` can't be a file in the workspace, or `nil` if it can.
    package static func problem(with path: String) -> String? {
        if path.isEmpty { return "is empty" }
        if path.utf8.contains(0) { return "contains a NUL byte" }
        if path.utf8.count > 4096 { return "is longer than 4096 bytes" }
        if path.hasPrefix("/"), !path.hasPrefix(SandboxSpec.workspace + "/") { return "is absolute and outside the workspace" }
        if path.hasSuffix("/") { return "names a directory" }
        let components = path.split(separator: "/")
        if components.contains("..") { return "contains \"..\"" }
        if components.allSatisfy({ $0 == "." }) { return "names a directory" }
        if components.last == "." { return "names a directory" }
        if components.contains(where: { $0.utf8.count > 255 }) { return "has a component longer than 255 bytes" }
        return nil
    }

    /// `path` with the workspace in front, `.` and doubled slashes removed.
    package static func absolute(_ path: String) -> String {
        let inner = path.hasPrefix(SandboxSpec.workspace + "/") ? path.dropFirst(SandboxSpec.workspace.count) : path[...]
        return ([SandboxSpec.workspace[...]] + inner.split(separator: "/").filter { $0 != "." }).joined(separator: "/")
    }
}
