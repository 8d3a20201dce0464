import Foundation
import SandstormCore
import SandstormTestSupport
import Testing

@Suite("Crashes") struct CrashTests {
    @Test func `after a SIGKILL in the middle of a run the next start settles it once and its sandbox is gone`() async throws {
        let directory = try TemporaryDirectory()
        let first = try await Gateway(dataDirectory: directory)
        // Names its processes, so that they can be looked for on the host.
        let marker = "sandstorm-crash-\(UUID().uuidString)"
        let spec = SandboxSpec(command: ["/bin/bash", "-c", "echo up; exec -a \(marker) sleep 3600"])
        let accepted = try await first.post("/v1/runs", RunRequest(spec: spec, detached: true).json)
        #expect(accepted.status == 202, "\(accepted.body)")
        let id = try #require(accepted.json?["id"]?.stringValue)
        #expect(await eventually { CrashTests.isRunning(marker) })
        await first.killHard()

        let second = try await Gateway(dataDirectory: directory)
        #expect(await eventually { !CrashTests.isRunning(marker) })
        let settled = try await second.get("/v1/runs/\(id)")
        #expect(settled.json?["settled"] == true)
        #expect(settled.json?["state"] == "failed")
        #expect(settled.json?["error"]?["type"] == "gatewayStopped")
        let cost = settled.json?["cost"]
        await second.killHard()

        let third = try await Gateway(dataDirectory: directory)
        #expect(try await third.get("/v1/runs/\(id)").json?["cost"] == cost)
        #expect(await third.stop() == 0)
        let left = try FileManager.default.contentsOfDirectory(atPath: directory.path + "/local").filter {
            $0.hasPrefix("sbx") || $0.hasPrefix("local-")
        }
        #expect(left.isEmpty)
    }

    /// Whether any process on this machine has `marker` in its command line.
    static func isRunning(_ marker: String) -> Bool {
        let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc"))?.filter { Int($0) != nil } ?? []
        return processes.contains { pid in
            guard let line = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") else { return false }
            return String(decoding: line, as: UTF8.self).hasPrefix(marker)
        }
    }
}
