import SandstormCore

/// Who has the living sandboxes: a gateway or the embedded engine. Requests were checked before they come here.
protocol SandboxBackend: Sendable {
    /// Makes a sandbox; returns once processes can be started in it.
    func createSandbox(_ request: SandboxRequest) async throws(SandstormError) -> SandboxInfo

    func sandbox(_ id: SandboxID) async throws(SandstormError) -> SandboxInfo

    func sandboxes(_ page: SandboxPage) async throws(SandstormError) -> [SandboxInfo]

    func renew(_ id: SandboxID, for duration: Duration) async throws(SandstormError) -> SandboxInfo

    func pause(_ id: SandboxID) async throws(SandstormError) -> SandboxInfo

    func resume(_ id: SandboxID) async throws(SandstormError) -> SandboxInfo

    func fork(_ id: SandboxID, timeout: Duration?, metadata: [String: String]?) async throws(SandstormError) -> SandboxInfo

    func kill(_ id: SandboxID) async throws(SandstormError) -> SandboxInfo

    func usage(of id: SandboxID) async throws(SandstormError) -> SandboxUsage

    func endpoint(of id: SandboxID, port: Int) async throws(SandstormError) -> SandboxEndpoint

    func snapshot(_ id: SandboxID, kind: SnapshotKind, name: String?) async throws(SandstormError) -> SnapshotInfo

    func snapshot(_ id: SnapshotID) async throws(SandstormError) -> SnapshotInfo

    func snapshots(_ page: SnapshotPage) async throws(SandstormError) -> [SnapshotInfo]

    func deleteSnapshot(_ id: SnapshotID) async throws(SandstormError)

    func prices(of spec: SandboxSpec, for duration: Duration, _ scope: PriceScope) async throws(SandstormError) -> [PriceInfo]

    /// Starts a command; the link's first event is `started`.
    func start(_ request: ProcessRequest, in sandbox: SandboxID) async throws(SandstormError) -> (SandboxProcessInfo, any ProcessLink)

    func processes(in sandbox: SandboxID) async throws(SandstormError) -> [SandboxProcessInfo]

    func process(_ id: ProcessID, in sandbox: SandboxID) async throws(SandstormError) -> SandboxProcessInfo

    /// A link to a process that somebody started. Letting go of it does not end the process.
    func link(
        to id: ProcessID, in sandbox: SandboxID, after sequence: Int, following: Bool
    ) async throws(SandstormError) -> any ProcessLink

    /// The files of a sandbox. Whether it is there is found out by the first call.
    func files(of sandbox: SandboxID) -> any FileLink
}

/// Which sandboxes to list.
struct SandboxPage: Sendable {
    var states: Set<SandboxState>
    var metadata: [String: String]
    var before: SandboxID?
    var limit: Int
}

/// Which snapshots to list.
struct SnapshotPage: Sendable {
    var sandbox: SandboxID?
    var before: SnapshotID?
    var limit: Int
}

/// One process in a living sandbox, read by one consumer.
protocol ProcessLink: Sendable {
    /// The next event; `nil` after the last.
    ///
    /// When the consuming task is cancelled this throws `cancelled`, after a process that belongs to the link was told to end.
    func next() async throws(SandstormError) -> SandboxProcessEvent?

    func write(_ bytes: [UInt8]) async throws(SandstormError)

    func closeInput() async throws(SandstormError)

    func signal(_ signal: Signal, to target: SignalTarget) async throws(SandstormError)

    func resize(_ size: TerminalSize) async throws(SandstormError)

    /// The consumer went away. Returns at once; a process that belongs to the link is being killed.
    func abandon()
}

/// The files of one living sandbox.
protocol FileLink: Sendable {
    func open(_ path: String, range: Range<Int64>?) async throws(SandstormError) -> SandboxFile

    func write(_ path: String, _ content: [UInt8], mode: UInt16) async throws(SandstormError) -> FileInfo

    func write(_ path: String, from content: Upload, mode: UInt16) async throws(SandstormError) -> FileInfo

    func info(_ path: String, followingLinks: Bool) async throws(SandstormError) -> FileInfo

    func list(_ path: String, depth: Int) async throws(SandstormError) -> [FileInfo]

    func makeDirectory(_ path: String, mode: UInt16) async throws(SandstormError) -> Bool

    func move(_ source: String, to destination: String, replacing: Bool) async throws(SandstormError) -> FileInfo

    func remove(_ path: String, recursively: Bool) async throws(SandstormError)

    func setAttributes(_ attributes: FileAttributes, of path: String) async throws(SandstormError) -> FileInfo

    func watch(_ path: String, recursively: Bool) async throws(SandstormError) -> SandboxStream<FileChange>

    func archive(_ path: String) async throws(SandstormError) -> SandboxStream<[UInt8]>

    func extract(_ archive: Upload, into path: String) async throws(SandstormError)
}
