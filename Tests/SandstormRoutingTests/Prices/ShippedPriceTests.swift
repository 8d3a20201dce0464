import SandstormCore
import Testing

@testable import SandstormRouting

@Suite("Shipped prices") struct ShippedPriceTests {
    static let book = PriceBook.shipped

    static func price(
        _ provider: ProviderID, _ product: String = "sandbox", region: String? = nil, gpu: String? = nil
    ) throws -> PriceSchedule {
        try book.price(of: provider, product, region: region, gpu: gpu).schedule
    }

    private static let vendors: [ProviderID] = ["e2b", "daytona", "modal", "morph"]

    @Test func `every figure has a source, a date and a certainty`() throws {
        let figures = Self.book.sorted.flatMap(\.provenances)
        #expect(figures.count > 40)
        for provenance in figures {
            #expect(provenance.text.count > 10)
            let read = try #require(provenance.read)
            #expect(read.moment > Moment(milliseconds: 1_735_689_600_000), "2025 is too old: \(read)")
            #expect(provenance.certainty == .published || provenance.certainty == .uncertain)
        }
    }

    @Test func `every vendor is there, and who publishes nothing says so and asks the operator`() throws {
        for vendor in Self.vendors { #expect(Self.book[PriceID(vendor)] != nil) }
        for entry in Self.book.sorted where entry.unpublished != nil {
            let error = #expect(throws: PriceUnknown.self) { try entry.price() }
            #expect(error?.description.contains("prices.entries.\(entry.id) in the configuration") == true)
        }
        #expect(Self.book[PriceID("morph")]?.unpublished != nil)
        #expect(Self.book[PriceID("modal", "function")]?.kind == .function)
    }

    @Test func `E2B's default sandbox is its 10.9 cents an hour`() throws {
        let price = try Self.price("e2b")
        #expect(price.cost(of: Resources(milliCPU: 2000, memoryMiB: 512, diskGiB: 1), for: .seconds(3600)) == "0.1089")
        // code-interpreter-v1
        #expect(price.cost(of: Resources(milliCPU: 2000, memoryMiB: 2048, diskGiB: 1), for: .seconds(3600)) == "0.1332")
    }

    @Test func `Modal's worked example, and the same with a GPU`() throws {
        // 1 core is 2 vCPUs.
        var resources = Resources(milliCPU: 2000, memoryMiB: 2048, diskGiB: 1)
        #expect(try Self.price("modal").cost(of: resources, for: .seconds(60)) == "0.0031656")
        resources.gpu = GPURequest(type: "H100")
        #expect(try Self.price("modal", gpu: "H100").cost(of: resources, for: .seconds(60)) == "0.0689856")
        // The core alone is $0.142 an hour.
        let core = Resources(milliCPU: 2000, memoryMiB: 0, diskGiB: 0)
        #expect(try Self.price("modal").cost(of: core, for: .seconds(3600)) == "0.141912")
        #expect(try Self.price("modal", "function").cost(of: core, for: .seconds(3600)) == "0.04716")
    }

    @Test func `Modal's regions are exact multiples, and uncertain`() throws {
        let resources = Resources(milliCPU: 2000, memoryMiB: 2048, diskGiB: 1)
        #expect(try Self.price("modal", region: "us").cost(of: resources, for: .seconds(60)) == "0.0047484")
        #expect(try Self.price("modal", region: "us-west").cost(of: resources, for: .seconds(60)) == "0.0055398")
        #expect(try Self.book.price(of: "modal", region: "us").certainty == .uncertain)
        #expect(try Self.book.price(of: "modal").certainty == .published)
        let unknown = #expect(throws: PriceUnknown.self) { try Self.book.price(of: "modal", region: "mars") }
        #expect(unknown?.description.contains("mars, only of us, us-west") == true)
    }

    @Test func `Daytona's prices are by the hour, and the first five GiB of disk are free`() throws {
        let price = try Self.price("daytona")
        #expect(price.cost(of: Resources(milliCPU: 1000, memoryMiB: 0, diskGiB: 5), for: .seconds(3600)) == "0.0504")
        #expect(price.cost(of: Resources(milliCPU: 0, memoryMiB: 1024, diskGiB: 0), for: .seconds(3600)) == "0.0162")
        #expect(price.cost(of: Resources(milliCPU: 0, memoryMiB: 0, diskGiB: 10), for: .seconds(3600)) == "0.00054")
        #expect(price.perVCPUSecond == Rate("0.000014"))
        for (type, cost) in [("H100", "3.95"), ("RTX-PRO-6000", "3.03")] as [(String, Money)] {
            let resources = Resources(milliCPU: 0, memoryMiB: 0, diskGiB: 0, gpu: GPURequest(type: type))
            #expect(try Self.price("daytona", gpu: type).cost(of: resources, for: .seconds(3600)) == cost)
        }
        let unknown = #expect(throws: PriceUnknown.self) { try Self.book.price(of: "daytona", gpu: "L4") }
        #expect(unknown?.description.contains("GPU L4, only for H100") == true)
    }

    @Test func `no region or GPU makes a price that can't be said exactly`() throws {
        for entry in Self.book.sorted where entry.unpublished == nil {
            for region in [nil] + entry.regions.keys.map(Optional.some) {
                for gpu in [nil] + entry.gpus.keys.map(Optional.some) { _ = try entry.price(region: region, gpu: gpu) }
            }
        }
    }

    @Test func `a vendor gives whole steps, and nothing beyond its limits`() throws {
        let daytona = try #require(Self.book[PriceID("daytona")])
        let given = try #require(daytona.fit(Resources(milliCPU: 1500, memoryMiB: 1025, diskGiB: 3)))
        #expect(given == Resources(milliCPU: 2000, memoryMiB: 2048, diskGiB: 3))
        #expect(daytona.fit(Resources(milliCPU: 5000, memoryMiB: 1024, diskGiB: 3)) == nil)
        #expect(daytona.fit(Resources(milliCPU: 1000, memoryMiB: 1024, diskGiB: 11)) == nil)
        let large = Resources(milliCPU: 16_000, memoryMiB: 65_536, diskGiB: 100, gpu: GPURequest(type: "H100"))
        #expect(daytona.fit(large) == large)
        #expect(daytona.fit(Resources(milliCPU: 1000, memoryMiB: 1024, diskGiB: 3, gpu: GPURequest(type: "T4"))) == nil)
        let modal = try #require(Self.book[PriceID("modal")])
        #expect(modal.fit(Resources(milliCPU: 100, memoryMiB: 64, diskGiB: 1)) == Resources(milliCPU: 250, memoryMiB: 128, diskGiB: 1))
    }
}
