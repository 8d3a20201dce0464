import SandstormCore
import Testing

@Suite("What a place can't do") struct RefusalTests {
    private static let small = ProviderCapabilities(
        languages: [.python], isolation: [.standard], regions: ["east", "west"], gpuTypes: ["L4"],
        maximum: Resources(milliCPU: 8000, memoryMiB: 32_768, diskGiB: 10))

    private typealias Change = @Sendable (inout SandboxSpec) -> Void
    private static let changes: [(change: Change, words: String)] = [
        (change: { $0.memory = 65_536 }, words: "memory 65536 MiB: at most 32768 here; would fit with memory ≤ 32768"),
        (change: { $0.cpu = 16 }, words: "cpu 16: at most 8 here; would fit with cpu ≤ 8"),
        (change: { $0.disk = 20 }, words: "disk 20 GiB: at most 10 here; would fit with disk ≤ 10"),
        (change: { $0.region = "north" }, words: "region north: not on offer; would fit with region east or west"),
        (change: { $0.gpu = GPURequest(type: "H100") }, words: "gpu H100: not on offer; would fit with gpu L4"),
        (
            change: { $0.isolation = .maximum },
            words: "isolation maximum: nothing here gives it; would fit with isolation standard"
        ),
        (change: { $0.image = "debian" }, words: "image: a spec can't name one here; would fit with no image"),
        (
            change: { $0.rootAccess = true }, words: "root access: nobody can be root inside here; would fit with no root access"
        ),
        (
            change: { $0.network = .deny(["203.0.113.0/24"]) },
            words: "network deny-list: can't be enforced here; would fit with network none"
        ),
        (change: { $0.network = .open }, words: "network open: sandboxes have no network here; would fit with network none"),
    ]

    @Test("the reason says what is missing and what would fit", arguments: changes.indices)
    func remedy(index: Int) {
        var spec = SandboxSpec(code: "1", language: .python)
        Self.changes[index].change(&spec)
        #expect(Self.small.refusal(of: spec) == Self.changes[index].words)
    }

    @Test func `all that is missing is told at once`() {
        var spec = SandboxSpec(code: "1", language: .python)
        spec.memory = 65_536
        spec.cpu = 16
        #expect(
            Self.small.refusal(of: spec)
                == "cpu 16: at most 8 here; memory 65536 MiB: at most 32768 here; would fit with cpu ≤ 8 and memory ≤ 32768")
    }

    @Test func `where one thing can't be mended, nothing is promised`() {
        var spec = SandboxSpec(code: "1", language: .ruby)
        spec.memory = 65_536
        #expect(
            Self.small.refusal(of: spec) == "memory 65536 MiB: at most 32768 here; language ruby: no toolchain in this image")
    }

    @Test func `what fits is not refused`() { #expect(Self.small.refusal(of: SandboxSpec(code: "1", language: .python)) == nil) }
}
