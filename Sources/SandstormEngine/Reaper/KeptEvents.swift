import SandstormCore
import SandstormStore

/// What the log has of a run that was cut off.
struct KeptEvents {
    private(set) var stdout: OutputCollector
    private(set) var stderr: OutputCollector
    private(set) var decision: Decision?
    /// The last event's sequence number.
    private(set) var last = 0

    /// - Parameter outputLimit: bytes of each output stream that are of interest.
    init(of run: RunID, in store: any Store, outputLimit: Int) async throws(StoreError) {
        stdout = OutputCollector(limit: outputLimit)
        stderr = OutputCollector(limit: outputLimit)
        while true {
            let page = try await store.events(of: run, after: last, limit: 256)
            guard let end = page.last else { return }
            for event in page {
                switch event.body {
                case .stdout(let bytes): stdout.append(bytes)
                case .stderr(let bytes): stderr.append(bytes)
                case .decision(let kept): decision = kept
                default: break
                }
            }
            last = end.sequence
        }
    }
}
