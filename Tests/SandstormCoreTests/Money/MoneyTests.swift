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
        let hourly = PriceSchedule(perGPUSecond: ["H100": try Self.rate("3.95")], freeDiskGiB: 5, scale: .perHour)
        #expect(hourly.scale == .perHour)
        #expect(PriceSchedule(json: try JSONValue(parsing: hourly.json.encodedBytes)) == hourly)
    }

    @Test func `what a vendor gives of disk costs nothing, and what is beyond it does`() throws {
        let price = PriceSchedule(perDiskGiBSecond: try Self.rate("0.00000003"), freeDiskGiB: 5)
        func cost(_ disk: Int) -> Money? {
            price.cost(of: Resources(milliCPU: 1000, memoryMiB: 1024, diskGiB: disk), for: .seconds(3600))
        }
        #expect(cost(0) == .zero)
        #expect(cost(5) == .zero)
        #expect(cost(6) == "0.000108")
        #expect(cost(10) == "0.00054")
    }

    @Test func `a price by the hour is exact for an hour`() throws {
        let price = PriceSchedule(perGPUSecond: ["H100": try Self.rate("3.95")], scale: .perHour)
        let one = Resources(milliCPU: 0, memoryMiB: 0, diskGiB: 0, gpu: GPURequest(type: "H100"))
        #expect(price.cost(of: one, for: .seconds(3600)) == "3.95")
        // 3.95 / 3600 = 0.00109722…, rounded up once.
        #expect(price.cost(of: one, for: .seconds(1)) == "0.001097223")
        #expect(price.cost(of: one, for: .seconds(1000 * 3600)) == "3950")
    }

    @Test func `a scale that leaves whole pico-dollars goes into the rates`() throws {
        let price = PriceSchedule(perVCPUSecond: try Self.rate("0.0504"), perGiBSecond: try Self.rate("0.0162"), scale: .perHour)
        #expect(price.scale == .one)
        #expect(price.perVCPUSecond == (try Self.rate("0.000014")))
        #expect(price.perGiBSecond == (try Self.rate("0.0000045")))
    }

    @Test func `the list knows no minimum and no granules`() throws {
        let price = PriceSchedule(perVCPUSecond: try Self.rate("0.001"), perCreate: "$1", granularity: .seconds(60), minimum: .seconds(120))
        #expect(price.listCost(of: Self.twoCPUs, for: .seconds(1)) == "1.002")
        #expect(price.cost(of: Self.twoCPUs, for: .seconds(1)) == "1.24")
        #expect(price.listCost(of: Self.twoCPUs, for: .seconds(-1)) == "1")
    }

    @Test("any charge is what whole numbers of 128 bits make of it", arguments: 0..<300)
    func exact(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        func number(_ range: ClosedRange<Int64>) -> Int64 {
            // As many digits as not: small and large numbers alike.
            let bits = Int64.random(in: 0...62, using: &generator)
            return min(max(Int64.random(in: 0...(1 << bits), using: &generator), range.lowerBound), range.upperBound)
        }
        let rates = (0..<4).map { _ in Rate(picodollars: number(0...1_000_000_000_000)) }
        let (free, granule) = (Int(number(0...20)), number(1...3_600_000))
        let scale = try #require(Ratio(number(1...9999), number(1...999_999)))
        let schedule = PriceSchedule(
            perVCPUSecond: rates[0], perGiBSecond: rates[1], perGPUSecond: ["L4": rates[2]], perDiskGiBSecond: rates[3], freeDiskGiB: free,
            perCreate: Money(nanodollars: number(0...1_000_000_000)), scale: scale, granularity: .milliseconds(granule),
            minimum: .milliseconds(number(0...100_000)))
        let gpu = Bool.random(using: &generator) ? GPURequest(type: "L4", count: Int(number(1...8))) : nil
        let resources = Resources(
            milliCPU: Int(number(1...64_000)), memoryMiB: Int(number(64...524_288)), diskGiB: Int(number(1...1024)), gpu: gpu)
        let lived = number(0...86_400_000)
        let billed = Int128((max(lived, schedule.minimum.wholeMilliseconds) + granule - 1) / granule * granule)
        // Everything over 1000 × 1024 × 1000 × 1000 × the scale's denominator, and rounded up once.
        let perSecond =
            Int128(rates[0].picodollars) * Int128(resources.milliCPU) * 1024 + Int128(rates[1].picodollars) * Int128(resources.memoryMiB)
            * 1000
            + Int128(rates[2].picodollars) * Int128(gpu?.count ?? 0) * 1_024_000
            + Int128(rates[3].picodollars) * Int128(max(0, resources.diskGiB - free)) * 1_024_000
        let (upper, lower) = (perSecond * billed * Int128(scale.numerator), 1_024_000_000_000 * Int128(scale.denominator))
        let timed = upper / lower + (upper % lower == 0 ? 0 : 1)
        let cost = schedule.cost(of: resources, for: .milliseconds(lived))
        let expected = Int64(exactly: timed + Int128(schedule.perCreate.nanodollars))
        #expect(cost?.nanodollars == expected, "seed \(seed)")
        #expect(PriceSchedule(json: schedule.json).cost(of: resources, for: .milliseconds(lived)) == cost, "seed \(seed)")
        // And the way back: no life within the charge is longer than what was billed.
        guard let cost, let life = schedule.longestDuration(of: resources, within: cost) else { return }
        let again = try #require(schedule.cost(of: resources, for: life))
        #expect(again <= cost, "seed \(seed)")
    }

    @Test func `what does not fit has no price instead of a wrong one`() {
        let most = Rate(picodollars: .max)
        let resources = Resources(milliCPU: .max / 1024, memoryMiB: 1024, diskGiB: 1)
        #expect(PriceSchedule(perVCPUSecond: most).cost(of: resources, for: .longest) == nil)
        #expect(PriceSchedule(perVCPUSecond: most).longestDuration(of: resources, within: "$1") == nil)
        #expect(PriceSchedule(perVCPUSecond: most).cost(of: Self.twoCPUs, for: .longest) == nil)
    }
}
