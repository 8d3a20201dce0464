import BenchmarkFigures
import Foundation
import SandstormCore

/// `make bench`: what Sandstorm promises about speed, each as a ratio to a baseline that was measured in the same run.
///
/// Names of benchmarks as arguments choose some of them. Ends with 1 if a promise was not kept.
@main
enum Benchmarks {
    private static let all: [(name: String, run: @Sendable () async throws -> [Finding])] = [
        ("local-start", LocalStart.run),
        ("stream-latency", StreamLatency.run),
        ("throughput", Throughput.run),
        ("open-streams", OpenStreams.run),
    ]

    static func main() async {
        let wanted = CommandLine.arguments.dropFirst()
        if wanted.first == "static-files", wanted.count == 2 {
            do { try await StaticFiles.serve(wanted.last ?? "") } catch { say("static-files: \(error)") }
            return
        }
        let unknown = wanted.filter { name in !all.contains { $0.name == name } }
        guard unknown.isEmpty else {
            say("no such benchmark: \(unknown.joined(separator: ", ")); there are \(all.map(\.name).joined(separator: ", "))")
            exit(64)
        }
        var isMissed = false
        for benchmark in all where wanted.isEmpty || wanted.contains(benchmark.name) {
            say(benchmark.name)
            do {
                for finding in try await benchmark.run() {
                    say(finding.line)
                    if finding.bar?.isMet == false { isMissed = true }
                }
            } catch {
                say("  could not be measured: \(error)")
                isMissed = true
            }
        }
        exit(isMissed ? 1 : 0)
    }
}

/// Prints at once, also into a pipe.
private func say(_ line: String) { try? FileHandle.standardOutput.write(contentsOf: Data("\(line)\n".utf8)) }

/// A benchmark could not be set up.
struct BenchmarkFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
