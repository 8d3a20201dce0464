import AsyncHTTPClient
import BenchmarkFigures
import NIOCore
import NIOHTTP1
import SandstormCore
import SandstormTestSupport

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What the gateway itself costs: journaled and authenticated runs that run nothing, beside the cheapest request of the same program.
enum Throughput {
    private static let body: JSONValue = ["spec": ["command": ["echo", "x"]], "constraints": ["preferredProviders": ["null"]]]
    private static let seconds = 10

    static func run() async throws -> [Finding] {
        let gateway = try await GatewayProcess(["--provider", "null"])
        // In turns, so that whatever else the machine does meets both.
        var health: [Double] = []
        var runs: [Double] = []
        for _ in 0..<3 {
            health.append(try await wrk(gateway, script: nil))
            runs.append(try await wrk(gateway, script: script(gateway)))
        }
        let overheads = try await overhead(gateway)
        let (own, journal) = (Figures(overheads.map(\.own)), Figures(overheads.map(\.journal)))
        await gateway.stop()
        let (healthRate, runRate) = (health.sorted()[1], runs.sorted()[1])
        let share = runRate / healthRate
        return [
            Finding("/healthz", "\(Int(healthRate)) requests/s"),
            Finding("POST /v1/runs", "\(Int(runRate)) requests/s"),
            Finding("share", "\((share * 100).rounded(to: 1)) %", bar: ("≥ 40 %", share >= 0.4)),
            Finding("the gateway's own time at 1,000 requests/s, median of \(own.count)", own.median.text),
            Finding("p99", own.percentile(99).text, bar: ("< 1 ms", own.percentile(99) < .milliseconds(1))),
            Finding("waiting until the journal is durable, median", journal.median.text),
            Finding("p99", journal.percentile(99).text),
        ]
    }

    // MARK: As many as possible

    private static func script(_ gateway: GatewayProcess) -> String {
        """
        wrk.method = "POST"
        wrk.path = "/v1/runs"
        wrk.body = '\(body.encoded)'
        wrk.headers["Authorization"] = "Bearer \(gateway.key)"
        failed = 0
        function response(status) if status ~= 200 then print("sandstorm-status " .. status) end end
        """
    }

    /// - Returns: requests per second that were answered with 200.
    private static func wrk(_ gateway: GatewayProcess, script: String?) async throws -> Double {
        let directory = try TemporaryDirectory()
        var arguments = ["-t1", "-c64", "-d\(seconds)s"]
        if let script {
            let file = "\(directory.path)/runs.lua"
            try script.write(toFile: file, atomically: true, encoding: .utf8)
            arguments += ["-s", file]
        }
        let program = try ChildProgram("/usr/bin/wrk", arguments + [gateway.url + "/healthz"], environment: [:])
        let code = await program.wait(within: .seconds(seconds + 20))
        let text = String(decoding: program.output, as: UTF8.self)
        guard code == 0, !text.contains("sandstorm-status"), !text.contains("Socket errors"),
            let line = text.split(separator: "\n").first(where: { $0.contains("Requests/sec:") }),
            let rate = line.split(separator: " ").last.flatMap({ Double($0) })
        else { throw BenchmarkFailure("wrk: \(text.prefix(2000))") }
        return rate
    }

    // MARK: At a given rate

    /// Sends requests at 1,000 a second, whatever their answers take, and gathers what the gateway says of its own time.
    private static func overhead(_ gateway: GatewayProcess) async throws -> [(own: Duration, journal: Duration)] {
        try await withThrowingTaskGroup(of: (own: Duration, journal: Duration).self) { group in
            let start = ContinuousClock.now
            let total = seconds * 1000
            for number in 0..<total {
                try await Task.sleep(until: start + .milliseconds(number))
                group.addTask {
                    let response = try await GatewayProcess.client.execute(gateway.request("/v1/runs", body), timeout: .seconds(30))
                    _ = try await response.body.collect(upTo: 1 << 20)
                    guard response.status == .ok, let own = microseconds("sandstorm-overhead-us", response),
                        let journal = microseconds("sandstorm-journal-us", response)
                    else { throw BenchmarkFailure("an answer with status \(response.status.code), or without its times") }
                    return (own, journal)
                }
            }
            var times: [(own: Duration, journal: Duration)] = []
            for try await time in group { times.append(time) }
            // The first second warms caches and connections.
            return Array(times.dropFirst(1000))
        }
    }

    private static func microseconds(_ header: String, _ response: HTTPClientResponse) -> Duration? {
        response.headers.first(name: header).flatMap { Int64($0) }.map { .microseconds($0) }
    }
}
