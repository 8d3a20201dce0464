import Logging
import SandstormCore
import SandstormStore
import SandstormTestSupport
import Testing

@testable import SandstormEngine

@Suite("A run's log in memory") struct RunLogTests {
    @Test func `a reader that has read everything sleeps while the window is full`() async throws {
        let gateway = try await TestGateway([])
        let log = RunLog(
            run: .generate(), store: gateway.store, windowLimit: 1024, retainedLimit: 1 << 20, waits: WaitClock(since: .now),
            logger: Logger(label: "test"))
        let reader = log.reader(after: 0, paces: true, follows: true)
        // The store does not know the run and takes none of its events, so that the window stays full.
        await log.append(.stdout([UInt8](repeating: 65, count: 4096)))
        #expect(try await reader.next()?.sequence == 1)
        let waiting = Task { try await reader.next() }
        #expect(await eventually { log.waiterCount == 1 })
        let version = log.changeCount
        try await Task.sleep(for: .milliseconds(100))
        #expect(log.changeCount == version)
        waiting.cancel()
        #expect(try await waiting.value == nil)
        await gateway.stop()
    }
}
