import SandstormCore
import SandstormEngine
import SandstormTestSupport
import Testing

@Suite("Deadlines") struct DeadlineTests {
    @Test func `code that takes too long is killed and its output kept`() async throws {
        let provider = ScriptedProvider(script: [.output("begun\n"), .sleep(.seconds(3600)), .exit(0)])
        let gateway = try await TestGateway([provider])
        let result = try await gateway.run(.scripted(timeout: .seconds(1)))
        #expect(result.state == .failed)
        #expect(result.failure?.kind == .timeout)
        #expect(result.signal == .kill)
        #expect(result.exitCode == nil)
        #expect(result.stdout == "begun\n")
        #expect(provider.livingCount == 0)
        await gateway.stop()
    }

    @Test func `a cost cap kills before it is exceeded`() async throws {
        // One vCPU at $0.01 a second under a cap of $0.62, and a teardown of up to a minute, as long as a busy machine may take to get
        // round to the kill: about 2 s of life.
        let price = PriceSchedule(perVCPUSecond: Rate(picodollars: 10_000_000_000))
        var capabilities = ScriptedProvider().capabilities
        capabilities.teardownTime = .seconds(60)
        let provider = ScriptedProvider(price: price, capabilities: capabilities, script: [.sleep(.seconds(3600))])
        let gateway = try await TestGateway([provider])
        let result = try await gateway.run(.scripted(constraints: Constraints(maxCost: "$0.62")))
        #expect(result.failure?.kind == .costLimit)
        #expect(result.cost <= "$0.62")
        #expect(result.cost > "$0.01")
        #expect(provider.livingCount == 0)
        await gateway.stop()
    }

    @Test func `what earlier attempts cost is gone from the cap, and an attempt that the rest can't pay for is not begun`() async throws {
        let first = ScriptedProvider(id: "first", price: PriceSchedule(perCreate: "$0.15"), script: [.die])
        let second = ScriptedProvider(id: "second", price: PriceSchedule(perCreate: "$0.18"))
        let gateway = try await TestGateway([first, second])
        let result = try await gateway.run(.scripted(constraints: Constraints(maxCost: "$0.20"), idempotent: true))
        #expect(result.failure?.kind == .costLimit)
        #expect(result.cost == "$0.15")
        #expect(second.createCount == 0)
        await gateway.stop()
    }

    @Test func `out of memory is told as such`() async throws {
        let gateway = try await TestGateway([ScriptedProvider(script: [.runOutOfMemory])])
        let result = try await gateway.run(.scripted())
        #expect(result.failure?.kind == .outOfMemory)
        await gateway.stop()
    }

    @Test func `a create that never answers is given up and looked for`() async throws {
        let first = ScriptedProvider(id: "first")
        first.behave { $0.createDelay = .seconds(3600) }
        let second = ScriptedProvider(id: "second", price: PriceSchedule(perCreate: "$1"))
        var configuration = TestGateway.quick
        configuration.createTimeout = .milliseconds(50)
        let gateway = try await TestGateway([first, second], configuration: configuration)
        let result = try await gateway.run(.scripted())
        #expect(result.provider == "second")
        #expect(first.livingCount == 0)
        await gateway.stop()
    }
}
