import Foundation
import RoutingSimulation

/// Reads a text file, one that ends in `.gz` through gzip.
enum TextFile {
    static func read(_ path: String) throws -> String {
        guard FileManager.default.isReadableFile(atPath: path) else { throw InputError("\(path) can't be read") }
        guard path.hasSuffix(".gz") else { return try String(contentsOfFile: path, encoding: .utf8) }
        let gzip = Process()
        let pipe = Pipe()
        gzip.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        gzip.arguments = ["gzip", "-dc", "--", path]
        gzip.standardOutput = pipe
        try gzip.run()
        let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
        gzip.waitUntilExit()
        guard gzip.terminationStatus == 0 else { throw InputError("\(path) is not whole: gzip could not unpack it") }
        return String(decoding: data, as: UTF8.self)
    }
}
