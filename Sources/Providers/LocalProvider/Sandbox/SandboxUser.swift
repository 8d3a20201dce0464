/// Who a sandbox's processes are on the machine.
struct SandboxUser: Hashable, Sendable {
    /// Inside, always.
    static let insideID: UInt32 = 1000

    /// The machine's uid and gid of the sandbox's user.
    var id: UInt32
    /// The machine's uid and gid of what is root inside, where a launcher has to have one. Nothing runs as it but in sandboxes with root access.
    var rootID: UInt32
}
