import SandstormCore
import SandstormEngine
import SandstormServer

/// What a process did from its start to its end, collected for a client that waits for all of it.
struct ProcessOutcome: Sendable {
    private var process: SandboxProcessInfo
    private var stdout: [UInt8] = []
    private var stderr: [UInt8] = []
    private var isTruncated = false

    /// Follows the process to its end.
    ///
    /// - Parameter limit: the most bytes of each output that are kept. The process is not held up by what goes beyond.
    init(of handle: SandboxProcessHandle, limit: Int) async throws {
        process = handle.info
        for try await event in handle.events {
            switch event.body {
            case .started(let info): process = info
            case .stdout(let bytes): append(bytes, to: \.stdout, limit)
            case .stderr(let bytes): append(bytes, to: \.stderr, limit)
            case .dropped: isTruncated = true
            case .exited(let status): process.exit = status
            case .failed(let failure): process.failure = failure
            }
            if event.isLast { return }
        }
        throw Problem(.internal, "the process's events ended before the process did")
    }

    private mutating func append(_ bytes: [UInt8], to output: WritableKeyPath<ProcessOutcome, [UInt8]>, _ limit: Int) {
        let room = limit - self[keyPath: output].count
        if bytes.count > room { isTruncated = true }
        if room > 0 { self[keyPath: output] += bytes.prefix(room) }
    }

    /// The outcome in the form of the native API.
    var json: JSONValue {
        var object: JSONObject = ["process": process.json]
        object.setBytes(stdout, "stdout")
        object.setBytes(stderr, "stderr")
        object["truncated"] = .bool(isTruncated)
        return .object(object)
    }
}
