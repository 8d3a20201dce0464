/// How code becomes a running program: files to write, then steps to run in the sandbox.
///
/// A language may have several plans, one for each toolchain that can run it, best first. A plan whose first program is
/// missing in the sandbox gives way to the next.
public struct RunPlan: Hashable, Sendable {
    /// Where plans keep what the user did not write, relative to the workspace: preludes, packages, compiled programs.
    public static let directory = ".sandstorm"

    /// The toolchain, for messages: `tsc and node`.
    public var toolchain: String
    /// Files to write before the first step, over the caller's own at the same path.
    public var files: [SpecFile]
    /// What to run, in order; each but the last must exit with 0. The last, and only it, is the program itself.
    public var steps: [Step]

    /// One command of a plan.
    public struct Step: Hashable, Sendable {
        /// What a step is for.
        public enum Purpose: String, Hashable, Sendable {
            case install, compile, run
        }

        /// By convention the code that says "not with this toolchain"; compilers don't use it.
        public static let unusable: Int32 = 86

        /// What it is for.
        public var purpose: Purpose
        /// The program, found through `PATH` unless it is a path, and its arguments; no shell in between.
        public var arguments: [String]
        /// Beyond the spec's environment, which wins.
        public var environment: [String: String]
        /// An exit code by which the step says that this toolchain can't do it after all, such as a version too old.
        ///
        /// Never set on a run step, whose exit codes are the program's own.
        public var unusableExitCode: Int32?

        /// One command.
        public init(_ purpose: Purpose, _ arguments: [String], environment: [String: String] = [:], unusableExitCode: Int32? = nil) {
            self.purpose = purpose
            self.arguments = arguments
            self.environment = environment
            self.unusableExitCode = unusableExitCode
        }
    }

    /// A plan of its parts.
    public init(toolchain: String, files: [SpecFile], steps: [Step]) {
        self.toolchain = toolchain
        self.files = files
        self.steps = steps
    }
}

extension RunPlan {
    /// A path of ours, absolute: for environment variables and programs, which no working directory may change.
    static func path(_ name: String) -> String { "\(SandboxSpec.workspace)/\(directory)/\(name)" }
}

extension SpecFile {
    /// A text file.
    init(_ path: String, _ text: String) { self.init(path: path, content: Array(text.utf8)) }

    /// Makes ``RunPlan/directory`` exist for compilers that don't, and keeps it out of a repository in the workspace.
    static let directory = SpecFile("\(RunPlan.directory)/.gitignore", "*\n")
}
