import Foundation
import GRDB
import SandstormCore
import SandstormTestSupport
import Testing

/// A gateway that is killed again and again in the middle of its work loses nothing that it has acknowledged, and bills nothing twice.
@Suite("Crash storm", .serialized) struct CrashStormTests {
    private static let crashes = 50

    @Test(.timeLimit(.minutes(10)))
    func `after fifty SIGKILLs under load every run is settled exactly once and nothing is left`() async throws {
        let directory = try TemporaryDirectory()
        let marker = "sandstorm-storm-\(UUID().uuidString)"
        var generator = SeededGenerator(seed: UInt64.random(in: .min ... .max))
        // With a price, so that what is billed twice or not at all shows.
        let options = ["--local-price", "3.6"]
        let acknowledged = Locked<Set<String>>([])
        for crash in 1...Self.crashes {
            let gateway = try await Gateway(dataDirectory: directory, options: options)
            let patience = Duration.milliseconds(Int.random(in: 0...700, using: &generator))
            let load = Task {
                await withTaskGroup(of: Void.self) { group in
                    for number in 0..<8 {
                        group.addTask { await Self.work(on: gateway, number, marker, acknowledged) }
                    }
                }
            }
            try await Task.sleep(for: patience)
            await gateway.killHard()
            await load.value
            #expect(crash > 0)
        }

        // The last one recovers what the one before left, and is then stopped in order.
        let last = try await Gateway(dataDirectory: directory, options: options)
        let known = acknowledged.withLock(\.self)
        #expect(known.count > Self.crashes / 2, "the load was too small to say anything: \(known.count) acknowledged")
        for id in known {
            let path = id.hasPrefix("run_") ? "/v1/runs/\(id)" : "/v1/sandboxes/\(id)"
            let reply = try await last.get(path)
            #expect(reply.status == 200, "\(id) was acknowledged and is lost")
            if id.hasPrefix("run_") {
                #expect(reply.json?["settled"] == true, "\(reply.body)")
            } else {
                #expect(reply.json?["state"] == "ended", "\(reply.body)")
            }
        }
        #expect(await last.stop() == 0)
        try Self.proveBooks(of: directory.path)
        #expect(await eventually { !CrashTests.isRunning(marker) })
        #expect(Self.sandboxDirectories(in: directory.path).isEmpty)
        #expect(Self.mounts(below: directory.path).isEmpty)
    }

    /// Keeps asking for runs and sandboxes until the gateway is gone.
    private static func work(on gateway: Gateway, _ number: Int, _ marker: String, _ acknowledged: Locked<Set<String>>) async {
        while true {
            do {
                if number == 0 {
                    let made = try await gateway.post("/v1/sandboxes", ["spec": ["memory": 64, "timeout": 60_000]])
                    guard made.status == 201, let id = made.json?["id"]?.stringValue else { return }
                    acknowledged.withLock { _ = $0.insert(id) }
                    _ = try await gateway.post(
                        "/v1/sandboxes/\(id)/processes",
                        ["command": ["/bin/bash", "-c", .string("exec -a \(marker) sleep 3600")], "detached": true])
                } else {
                    let script = number % 2 == 0 ? "echo \(number)" : "exec -a \(marker) sleep 0.\(number)"
                    var spec = SandboxSpec(command: ["/bin/bash", "-c", script])
                    spec.memory = 64
                    let run = try await gateway.post("/v1/runs", RunRequest(spec: spec, detached: number % 3 != 0).json)
                    guard run.status == 200 || run.status == 202, let id = run.json?["id"]?.stringValue else { return }
                    acknowledged.withLock { _ = $0.insert(id) }
                }
                try await Task.sleep(for: .milliseconds(20))
            } catch {
                // The gateway was killed: what it had not acknowledged may or may not have happened.
                return
            }
        }
    }

    /// Nothing is open, each attempt was charged once, and what runs cost is what was charged.
    private static func proveBooks(of directory: String) throws {
        let database = try DatabaseQueue(path: directory + "/sandstorm.sqlite")
        try database.read { database in
            func count(_ sql: String) throws -> Int { try Int.fetchOne(database, sql: sql) ?? -1 }
            #expect(try count("SELECT COUNT(*) FROM runs WHERE settled_at IS NULL") == 0)
            #expect(try count("SELECT COUNT(*) FROM attempts WHERE ended_at IS NULL") == 0)
            #expect(try count("SELECT COUNT(*) FROM attempts WHERE id NOT IN (SELECT attempt FROM charges)") == 0)
            #expect(try count("SELECT COUNT(*) FROM (SELECT attempt FROM charges GROUP BY attempt HAVING COUNT(*) > 1)") == 0)
            let charged = try count("SELECT SUM(amount) FROM charges")
            #expect(charged > 0)
            #expect(try count("SELECT SUM(cost) FROM runs") == charged)
            #expect(
                try count(
                    """
                    SELECT COUNT(*) FROM runs WHERE cost <> (SELECT COALESCE(SUM(amount), 0) FROM charges WHERE charges.run = runs.id)
                    """) == 0)
        }
    }

    private static func sandboxDirectories(in directory: String) -> [String] {
        let files = FileManager.default
        let names = (try? files.contentsOfDirectory(atPath: directory + "/local"))?.filter { $0.hasPrefix("local-") } ?? []
        // With what is in each, for the message.
        return names.map { "\($0): \((try? files.contentsOfDirectory(atPath: "\(directory)/local/\($0)")) ?? [])" }
    }

    private static func mounts(below directory: String) -> [Substring] {
        ((try? String(contentsOfFile: "/proc/self/mounts", encoding: .utf8)) ?? "").split(separator: "\n").filter { $0.contains(directory) }
    }
}
