import SandstormCore
import SandstormTestSupport
import Testing

@Suite("Money") struct MoneyTests {
    @Test(
        "amounts are read exactly",
        arguments: [
            ("0.10", 100_000_000), ("$0.10", 100_000_000), ("1", 1_000_000_000), ("0.000000001", 1), ("-3", -3_000_000_000),
            ("-$0.5", -500_000_000), ("9223372036.854775807", Int64.max),
        ] as [(String, Int64)])
    func parses(text: String, nanodollars: Int64) { #expect(Money(text)?.nanodollars == nanodollars) }

    @Test(
        "what is no amount is refused",
        arguments: ["", "$", "-", ".5", "1.", "1e3", "1,000", "0.0000000001", "€1", "1.2.3", " 1", "9223372036.854775808", "٣", "0x10"])
    func refuses(text: String) { #expect(Money(text) == nil) }

    @Test(
        "amounts are shown without loss",
        arguments: [
            (12_300, "0.000012300", "$0.0000123"), (0, "0.000000000", "$0.00"), (-1_500_000_000, "-1.500000000", "-$1.50"),
            (1, "0.000000001", "$0.000000001"),
        ]
            as [(Int64, String, String)])
    func shows(nanodollars: Int64, decimal: String, display: String) {
        let money = Money(nanodollars: nanodollars)
        #expect(money.decimal == decimal)
        #expect(money.description == display)
        #expect(Money(money.decimal) == money)
    }
}

@Suite("Price schedules") struct PriceScheduleTests {
    static let twoCPUs = Resources(milliCPU: 2000, memoryMiB: 4096, diskGiB: 10)
    static func rate(_ text: String) throws -> Rate { try #require(Rate(text)) }

    @Test func `each resource is billed by its own rate`() throws {
        let price = PriceSchedule(
            perVCPUSecond: try Self.rate("0.000014"), perGiBSecond: try Self.rate("0.0000045"),
            perDiskGiBSecond: try Self.rate("0.00000003"),
            perCreate: "$0.001")
        // 60 × (2 × 0.000014 + 4 × 0.0000045 + 10 × 0.00000003) + 0.001
        #expect(price.cost(of: Self.twoCPUs, for: .seconds(60)) == "0.003778")
    }

    @Test func `time is billed in started granules and at least the minimum`() throws {
        let price = PriceSchedule(perVCPUSecond: try Self.rate("0.001"), granularity: .seconds(1), minimum: .seconds(10))
        #expect(price.cost(of: Self.twoCPUs, for: .milliseconds(1)) == "0.020")
        #expect(price.cost(of: Self.twoCPUs, for: .milliseconds(10_001)) == "0.022")
    }

    @Test func `a fraction of a nano-dollar is rounded up`() throws {
        let price = PriceSchedule(perVCPUSecond: Rate(picodollars: 1))
        #expect(price.cost(of: Self.twoCPUs, for: .milliseconds(1)) == Money(nanodollars: 1))
    }

    @Test func `a GPU without a rate has no price`() {
        let resources = Resources(milliCPU: 1000, memoryMiB: 1024, diskGiB: 1, gpu: GPURequest(type: "H100"))
        #expect(PriceSchedule.free.cost(of: resources, for: .seconds(1)) == nil)
    }

    @Test("the longest life within a limit never costs more, and one granule longer does", arguments: 0..<40)
    func inverse(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let price = PriceSchedule(
            perVCPUSecond: Rate(picodollars: Int64.random(in: 1...100_000_000, using: &generator)),
            perGiBSecond: Rate(picodollars: Int64.random(in: 0...10_000_000, using: &generator)),
            perCreate: Money(nanodollars: Int64.random(in: 0...1_000_000, using: &generator)),
            granularity: .milliseconds(Int.random(in: 1...60_000, using: &generator)))
        let resources = Resources(
            milliCPU: Int.random(in: 1...64_000, using: &generator), memoryMiB: Int.random(in: 64...65_536, using: &generator), diskGiB: 1)
        let limit = Money(nanodollars: Int64.random(in: 1_000_000...1_000_000_000, using: &generator))
        guard let life = price.longestDuration(of: resources, within: limit) else {
            let shortest = try #require(price.cost(of: resources, for: price.granularity))
            #expect(shortest > limit, "seed \(seed)")
            return
        }
        let cost = try #require(price.cost(of: resources, for: life))
        #expect(cost <= limit, "seed \(seed)")
        let longer = try #require(price.cost(of: resources, for: life + price.granularity))
        #expect(longer > limit || life == .longest, "seed \(seed)")
    }

    @Test func `what costs nothing may live for ever, what can't be paid not at all`() throws {
        #expect(PriceSchedule.free.longestDuration(of: Self.twoCPUs, within: .zero) == .longest)
        let dear = PriceSchedule(perVCPUSecond: try Self.rate("1"), granularity: .seconds(60))
        #expect(dear.longestDuration(of: Self.twoCPUs, within: "$1") == nil)
        let minimum = PriceSchedule(perVCPUSecond: try Self.rate("0.01"), minimum: .seconds(60))
        #expect(minimum.longestDuration(of: Self.twoCPUs, within: "$0.5") == nil)
    }

    @Test func `a schedule survives the journal`() throws {
        let price = PriceSchedule(
            perVCPUSecond: try Self.rate("0.0000131"), perGiBSecond: try Self.rate("0.000000000001"),
            perGPUSecond: ["L4": try Self.rate("0.000222")],
            perCreate: "$0.01", granularity: .seconds(1), minimum: .seconds(60))
        #expect(PriceSchedule(json: try JSONValue(parsing: price.json.encodedBytes)) == price)
    }
}
