import Foundation
import RoutingSimulation

/// `make bench-routing`: what the router's decisions are worth, against an oracle and what others ship.
///
/// With `--tti FILE` it replays measured starts and prints one JSON line per policy and mode. Ends with 1 if a target was missed, 64 if
/// it was asked for something that isn't there.
@main
enum RoutingQuality {
    static func main() {
        do {
            let options = try Options(CommandLine.arguments.dropFirst())
            if let file = options.records { try replay(file, options) }
        } catch {
            complain("\(error)")
            exit(64)
        }
    }

    private static func replay(_ file: String, _ options: Options) throws {
        let records = try StartRecords(csv: TextFile.read(file), file: file)
        let arrivals = try options.arrivals.map { try ArrivalTrace(csv: TextFile.read($0), file: $0) }
        complain(
            "The clouds in these records were measured one after another: that their failures are independent is an optimistic assumption.")
        Replay.run(records, arrivals: arrivals, errors: options.errors, seed: options.seed, only: options.policies) { say($0.json) }
    }
}

/// Prints at once, also into a pipe.
func say(_ line: String) { try? FileHandle.standardOutput.write(contentsOf: Data("\(line)\n".utf8)) }

/// For whoever watches, not for whoever reads the results.
func complain(_ line: String) { try? FileHandle.standardError.write(contentsOf: Data("\(line)\n".utf8)) }
