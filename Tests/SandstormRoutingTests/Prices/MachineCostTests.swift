import SandstormCore
import Testing

@testable import SandstormRouting

@Suite("What a machine of one's own costs") struct MachineCostTests {
    private static func price(_ machine: String) throws -> PriceSchedule {
        let json = try JSONValue(parsing: "{\"entries\": {\"kubernetes\": {\"kind\": \"machine\", \"machine\": \(machine)}}}")
        return try PriceBook(json: json, standard: .configured).price(of: "kubernetes").schedule
    }

    @Test func `a full node brings in exactly its price`() throws {
        let price = try Self.price(#"{"perHour": "0.80", "capacity": {"cpu": 16, "memory": 65536}}"#)
        let node = Resources(milliCPU: 16_000, memoryMiB: 65_536, diskGiB: 100)
        #expect(price.cost(of: node, for: .seconds(3600)) == "0.80")
        #expect(price.cost(of: Resources(milliCPU: 8000, memoryMiB: 32_768, diskGiB: 1), for: .seconds(3600)) == "0.40")
    }

    @Test func `without memory, all of it is for the vCPUs`() throws {
        let price = try Self.price(#"{"perHour": "0.80", "capacity": {"cpu": 16}}"#)
        #expect(price.cost(of: Resources(milliCPU: 16_000, memoryMiB: 1, diskGiB: 1), for: .seconds(3600)) == "0.80")
        #expect(price.perGiBSecond == .zero)
    }

    @Test func `the share of the vCPUs is the operator's to say`() throws {
        let price = try Self.price(#"{"perHour": "1", "capacity": {"cpu": 10, "memory": 10240}, "cpuShare": "0.7"}"#)
        #expect(price.cost(of: Resources(milliCPU: 1000, memoryMiB: 0, diskGiB: 0), for: .seconds(3600)) == "0.07")
        #expect(price.cost(of: Resources(milliCPU: 0, memoryMiB: 1024, diskGiB: 0), for: .seconds(3600)) == "0.03")
        let all = try Self.price(#"{"perHour": "1", "capacity": {"cpu": 10, "memory": 10240}, "cpuShare": 1}"#)
        #expect(all.perGiBSecond == .zero)
    }

    @Test func `a purchase is spread over its months, and over what is in use`() throws {
        // 7300 / (10 × 730) = 1 an hour; half in use, so that each vCPU of four costs half a dollar, plus the power.
        let price = try Self.price(
            #"{"purchase": "7300", "months": 10, "perHour": "0.2", "utilisation": "1/2", "capacity": {"cpu": 4}}"#)
        #expect(price.cost(of: Resources(milliCPU: 1000, memoryMiB: 0, diskGiB: 0), for: .seconds(3600)) == "0.6")
    }

    @Test func `what is paid for already may cost nothing`() throws {
        let price = try Self.price(#"{"free": true}"#)
        #expect(price.cost(of: Resources(milliCPU: 64_000, memoryMiB: 65_536, diskGiB: 100), for: .seconds(86_400)) == .zero)
    }

    @Test func `a fraction of a pico-dollar is rounded up, never down`() throws {
        let price = try Self.price(#"{"perHour": "1", "capacity": {"cpu": 3, "memory": 7168}}"#)
        let cost = try #require(price.cost(of: Resources(milliCPU: 3000, memoryMiB: 7168, diskGiB: 1), for: .seconds(3600)))
        #expect(cost >= "1" && cost <= "1.000000001")
    }
}
