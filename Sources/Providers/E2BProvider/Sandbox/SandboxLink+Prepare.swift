import SandstormCore

extension SandboxLink {
    /// Makes the workspace, which no template of the vendor's has, and looks how the kernel's counters stand.
    func prepare() async throws(ProviderError) {
        let lines =
            #"""
            [ -d "$1" ] || { mkdir "$1" && { [ "$2" = "" ] || chown "$2" "$1"; }; } || exit 1

            """# + SandboxLink.memoryLines
        let result: ToolResult
        if account.has(.root) {
            result = try await run(lines, [SandboxSpec.workspace, SandboxLink.usualUser + ":"], as: SandboxSpec.root)
        } else {
            result = try await run(lines, [SandboxSpec.workspace, ""])
        }
        guard result.code == 0 else {
            throw ProviderError(.unavailable, "the sandbox has no workspace", vendorDetail: result.errors)
        }
        if access.memoryMiB == nil, let (described, _) = try? await plane.detail(id) { update(described) }
        memoryKills = memoryKills(in: result.output)
    }
}
