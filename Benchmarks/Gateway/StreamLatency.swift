import AsyncHTTPClient
import BenchmarkFigures
import NIOCore
import NIOHTTP1
import SandstormCore
import SandstormWire

/// How long a line that is printed in a sandbox takes to a client over HTTP, while many streams are open.
enum StreamLatency {
    private static let streams = 200
    private static let lines = 40

    /// Prints the machine's monotonic clock, which sandboxes share, twice a second.
    private static let program = """
        import random, time
        time.sleep(15 + random.random())
        for _ in range(\(lines)):
            print(time.clock_gettime_ns(time.CLOCK_MONOTONIC), flush=True)
            time.sleep(0.5)
        """

    static func run() async throws -> [Finding] {
        let gateway = try await GatewayProcess(["--dev"])
        let all = try await withThrowingTaskGroup(of: [Duration].self) { group in
            for number in 0..<streams {
                group.addTask {
                    // Not all at the same moment: starting sandboxes is not what is measured.
                    try await Task.sleep(for: .milliseconds(40 * number))
                    return try await follow(gateway)
                }
            }
            var all: [Duration] = []
            for try await times in group { all += times }
            return all
        }
        await gateway.stop()
        let figures = Figures(all)
        guard figures.count == streams * lines else { throw BenchmarkFailure("\(figures.count) of \(streams * lines) lines came") }
        return [
            Finding("streams, lines", "\(streams), \(figures.count)"),
            Finding("median", figures.median.text, bar: ("< 5 ms", figures.median < .milliseconds(5))),
            Finding("p99", figures.percentile(99).text, bar: ("< 20 ms", figures.percentile(99) < .milliseconds(20))),
        ]
    }

    private static func follow(_ gateway: GatewayProcess) async throws -> [Duration] {
        let spec: JSONValue = ["code": .string(program), "language": "python", "cpu": .number("0.1"), "memory": 64, "timeout": 300_000]
        var request = gateway.request("/v1/runs", ["spec": spec])
        request.headers.add(name: "accept", value: "text/event-stream")
        let response = try await GatewayProcess.client.execute(request, timeout: .seconds(300))
        guard response.status == .ok else { throw BenchmarkFailure("a run was refused with status \(response.status.code)") }
        var decoder = ServerSentEventDecoder()
        var times: [Duration] = []
        for try await chunk in response.body {
            let now = Clock.monotonicNanoseconds
            for event in try decoder.decode(chunk.readableBytesView) where event.name == "stdout" {
                let text = try JSONValue(parsing: event.data)["data"]?.stringValue ?? ""
                for line in text.split(separator: "\n") {
                    guard let printed = Int64(line) else { throw BenchmarkFailure("an odd line: \(line)") }
                    times.append(.nanoseconds(now - printed))
                }
            }
        }
        return times
    }
}
