#if os(Linux)
import Glibc
import NIOCore
import SandstormCore
import Testing

@testable import LocalProvider

@Suite("Images in a local sandbox", .enabled(if: Machine.canRun, Machine.why))
struct ImageTests {
    @Test("an unpacked image is the root", .enabled(if: Machine.busybox != nil, "needs busybox (apt-get install -y busybox-static)"))
    func image() async throws {
        try await Playground.run { playground in
            try makeImage("team/tiny:1", in: playground)
            let sandbox = try await playground.sandbox(spec("team/tiny:1"))
            let result = try await sandbox.sh(
                "echo $GREETING; pwd; id -u; ls /; cat /etc/motto; touch /etc/x; echo x > f; echo y > ~/f; echo z > /tmp/f; cat f ~/f /tmp/f"
            )
            #expect(result.stdout.hasPrefix("from the image\n/workspace\n1000\n"))
            #expect(result.stdout.hasSuffix("tiny\nx\ny\nz\n"))
            #expect(result.stderr.contains("Read-only"))
            #expect(!result.stdout.contains("usr"))
            #expect(try await sandbox.sh("echo $GREETING", environment: ["GREETING": "mine"]).stdout == "mine\n")
        }
    }

    @Test(
        "a name that is no image is refused with a remedy",
        arguments: ["missing", "../images/tiny", "tiny/../tiny", "/etc", "tiny/", ".hidden", "a//b", "link", "tiny;x"])
    func refused(name: String) async throws {
        try await Playground.run { playground in
            try HostFile.makeDirectories("\(playground.directory)/images/tiny/rootfs/bin")
            _ = symlink("/", "\(playground.directory)/images/link")
            let error = await providerError { _ = try await playground.sandbox(spec(name)) }
            #expect(error?.code == .invalid)
            #expect(error?.message.contains("image") == true)
        }
    }

    private func spec(_ image: String) -> SandboxSpec {
        var spec = SandboxSpec(command: ["sh"])
        spec.image = image
        return spec
    }

    private func makeImage(_ name: String, in playground: Playground) throws {
        let image = "\(playground.directory)/images/\(name)"
        try HostFile.makeDirectories("\(image)/rootfs/bin")
        try HostFile.makeDirectories("\(image)/rootfs/etc")
        try HostFile.create("\(image)/rootfs/bin/busybox", try #require(Machine.busybox.flatMap(contents)), mode: 0o755)
        for applet in ["sh", "cat", "ls", "id", "touch", "pwd"] { _ = symlink("busybox", "\(image)/rootfs/bin/\(applet)") }
        try HostFile.create("\(image)/rootfs/etc/motto", Array("tiny\n".utf8))
        let config: JSONValue = ["process": ["env": ["PATH=/bin", "GREETING=from the image"], "cwd": "/"]]
        try HostFile.create("\(image)/config.json", config.encodedBytes)
    }

    private func contents(_ path: String) -> [UInt8]? {
        guard let file = try? Descriptor.open(path, O_RDONLY) else { return nil }
        var bytes = [UInt8](repeating: 0, count: 8 << 20)
        let count = read(file.number, &bytes, bytes.count)
        return count > 0 ? Array(bytes[..<count]) : nil
    }
}
#endif
