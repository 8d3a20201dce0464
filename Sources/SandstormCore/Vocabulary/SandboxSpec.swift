/// What the user wants run, and in what kind of sandbox.
///
/// A spec made by ``init(json:at:)`` is valid. One made in code is checked with ``validated()`` before anything happens.
public struct SandboxSpec: Hashable, Sendable {
    /// Source code in ``language``; exclusive with ``command``.
    public var code: String?
    /// Program and arguments; exclusive with ``code``.
    public var command: [String]?
    /// The language of ``code``.
    public var language: Language?
    /// Packages that the code needs, as the language's package tool spells them: `requests==2.32`, `left-pad@1.3.0`.
    public var requirements: [String] = []
    /// Arguments passed to the code's program.
    public var arguments: [String] = []
    /// Environment variables.
    public var environment: [String: String] = [:]
    /// Names of stored secrets to be given as environment variables.
    public var secrets: [String] = []
    /// Files put into the workspace before the code starts.
    public var files: [SpecFile] = []
    /// Bytes for standard input, which is closed after them.
    public var stdin: [UInt8] = []
    /// Virtual CPUs, more than 0 and at most 64; a thousandth is the finest step.
    public var cpu: Double = 1
    /// Memory in MiB, 64 … 524,288.
    public var memory = SandboxSpec.standardMemory
    /// Disk in GiB, 1 … 1,024.
    public var disk: Int = 1
    /// GPUs, if any.
    public var gpu: GPURequest?
    /// How long the code may run, 1 s … 24 h, from its start (installing and compiling included); of a sandbox to live in, how long it
    /// lives unless its lease is renewed.
    public var timeout: Duration = .seconds(300)
    /// What the sandbox may reach.
    public var network: NetworkPolicy = .none
    /// The region in which the sandbox must be.
    public var region: String?
    /// The least isolation that will do.
    public var isolation: IsolationLevel = .standard
    /// Code may become root inside: commands may run and files be written as `root` too, and root may change the whole file system.
    public var rootAccess = false
    /// The image or template to start from; `nil` for the provider's own.
    public var image: String?
    /// The user's own labels.
    public var metadata: [String: String] = [:]
    /// Running the code twice does no harm, so that a run may be moved elsewhere after its code has started.
    public var idempotent = false
    /// Raw fields for one provider, by its id: the escape hatch.
    public var providerOptions: JSONObject = [:]

    /// A spec that runs `code`.
    public init(code: String, language: Language) {
        self.code = code
        self.language = language
    }

    /// A spec that runs a program.
    public init(command: [String]) { self.command = command }

    /// A spec of a sandbox to live in, with the standard resources; see ``Purpose/sandbox``.
    public init() {}

    /// The memory of a spec that names none, in MiB.
    public static let standardMemory = 1024

    /// What the sandbox occupies.
    public var resources: Resources {
        Resources(milliCPU: Int((cpu * 1000).rounded(.up)), memoryMiB: memory, diskGiB: disk, gpu: gpu)
    }
}

/// A file of a spec.
public struct SpecFile: Hashable, Sendable {
    /// Relative to the workspace, or absolute and inside `/workspace`.
    public var path: String
    /// The whole file; any bytes, not only text.
    public var content: [UInt8]
    /// Permission bits.
    public var mode: UInt16

    /// A file that is not executable, unless `mode` makes it so.
    public init(path: String, content: [UInt8], mode: UInt16 = 0o644) {
        self.path = path
        self.content = content
        self.mode = mode
    }
}
