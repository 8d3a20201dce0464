import SandstormCore
import Testing

@testable import SandstormRouting

@Suite("Price documents") struct PriceDocumentTests {
    private static let source = #""sources": {"s": {"text": "a page", "read": "2026-08", "certainty": "published"}}"#

    /// A document with one entry.
    private static func document(_ members: String, _ name: String = "x") throws -> JSONValue {
        try JSONValue(parsing: "{\"entries\": {\"\(name)\": {\(members)}}}")
    }

    private static func problems(_ json: JSONValue, standard: PriceProvenance? = nil) -> [String] {
        do throws(InvalidRequest) {
            _ = try PriceBook(json: json, at: "/prices", standard: standard)
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    @Test(
        "what is wrong is told with the entry and the remedy",
        arguments: [
            (
                #""cpu": {"usd": "0.1", "per": "second", "source": "t"}"#,
                "/x/cpu/source: \"t\" is not among the entry's sources; did you mean \"s\"?"
            ),
            (#""cpu": {"usd": "0.1", "per": "second"}"#, "/x/cpu/source: is missing; name one of the entry's \"sources\""),
            (#""cpu": {"usd": "0.1", "source": "s"}"#, "/x/cpu/per: is missing"),
            (#""cpu": {"usd": "1e-5", "per": "second", "source": "s"}"#, "/x/cpu/usd: must be an amount of dollars; write dollars"),
            (#""cpu": {"usd": "-1", "per": "second", "source": "s"}"#, "/x/cpu/usd: must be an amount"),
            (#""cpu": {"usd": "0.1", "per": "day", "source": "s"}"#, "/x/cpu/per: is no time; use second or hour"),
            (#""cpu": {"per": "hour", "source": "s"}"#, "/x/cpu/usd: is missing"),
            (
                #""cpu": {"usd": "1", "per": "hour", "source": "s", "vcpu": 2}"#,
                "/x/cpu/vcpu: is not a known field; did you mean \"vcpus\"?"
            ),
            (#""cpu": "0.1""#, "/x/cpu: must be an object"),
            (#""cpus": "0.1""#, "/x/cpus: is not a known field; did you mean \"cpu\"?"),
            (#""title": "X""#, "/x: has no price; give cpu, memory, gpus or machine"),
            (#""unpublished": "no", "cpu": {"usd": "1", "per": "hour", "source": "s"}"#, "/x/unpublished: is given beside prices"),
            (#""kind": "container""#, "/x/kind: is no kind of product; use one of sandbox, function, machine"),
            (#""regions": {"us": {"multiplier": "0", "source": "s"}}"#, "/x/regions/us/multiplier: must be a positive fraction"),
            (#""gpus": {"H100": {"usd": "x", "per": "hour", "source": "s"}}"#, "/x/gpus/H100/usd: must be an amount"),
            (#""granularity": {"milliseconds": 0, "source": "s"}"#, "/x/granularity/milliseconds: must be whole milliseconds"),
            (#""freeDisk": {"gib": 1.5, "source": "s"}"#, "/x/freeDisk/gib: must be whole GiB"),
            (#""machine": {"perHour": "1", "source": "s"}"#, "/x/machine/capacity/cpu: is missing"),
            (#""machine": {"capacity": {"cpu": 8}, "source": "s"}"#, "/x/machine/perHour: is missing; give perHour, purchase with months"),
            (#""machine": {"purchase": "1", "capacity": {"cpu": 8}, "source": "s"}"#, "/x/machine/months: is missing"),
            (
                #""machine": {"perHour": "1", "utilisation": "1.1", "capacity": {"cpu": 8}, "source": "s"}"#,
                "/x/machine/utilisation: must be above 0 and at most 1"
            ),
            (#""machine": {"free": true, "perHour": "1", "source": "s"}"#, "/x/machine/free: is given beside a price"),
        ])
    func refusals(members: String, told: String) throws {
        let problems = Self.problems(try Self.document("\(members), \(Self.source)"))
        #expect(problems.contains { $0.hasPrefix("/prices/entries" + told) }, "\(problems)")
    }

    @Test(
        "so is what is wrong with sources and names",
        arguments: [
            (#"{"entries": {"x": {"sources": {"s": {"read": "2026", "certainty": "published"}}}}}"#, "/x/sources/s/text: is missing"),
            (#"{"entries": {"x": {"sources": {"s": {"text": "t", "certainty": "published"}}}}}"#, "/x/sources/s/read: is missing"),
            (#"{"entries": {"x": {"sources": {"s": {"text": "t", "read": "2026-02-30"}}}}}"#, "/x/sources/s/read: is no date"),
            (#"{"entries": {"x": {"sources": {"s": {"text": "t", "read": "2026"}}}}}"#, "/x/sources/s/certainty: is missing"),
            (
                #"{"entries": {"x": {"sources": {"s": {"text": "t", "read": "2026", "certainty": "sure"}}}}}"#,
                "/x/sources/s/certainty: is no certainty; use one of configured, observed, published, uncertain"
            ),
            (#"{"entries": {"a b": {}}}"#, "/a b: is no name of an entry"), (#"{"entries": {"": {}}}"#, "/: is no name of an entry"),
            (#"{"entries": {"x.sandbox": {"unpublished": "?"}, "x": {"unpublished": "?"}}}"#, "/x: is the same as x"),
            (#"{"entries": []}"#, ": must be an object"),
        ])
    func places(document: String, told: String) throws {
        let problems = Self.problems(try JSONValue(parsing: document))
        #expect(problems.contains { $0.hasPrefix("/prices/entries" + told) }, "\(problems)")
    }

    @Test func `an operator may write a number and nothing else`() throws {
        let json = try Self.document(
            #""cpu": 0.00002, "memory": {"usd": "0.0036", "per": "hour"}, "gpus": {"L4": "0.0002"}, "freeDisk": 3"#)
        #expect(Self.problems(json, standard: .configured) == [])
        let price = try PriceBook(json: json, standard: .configured).price(of: "x", gpu: "L4")
        #expect(price.schedule.perVCPUSecond == Rate("0.00002"))
        #expect(price.schedule.perGiBSecond == Rate("0.000001"))
        #expect(price.schedule.perGPUSecond == ["L4": try #require(Rate("0.0002"))])
        #expect(price.schedule.freeDiskGiB == 3)
        #expect(price.certainty == .configured)
        #expect(price.amounts == [.configured])
        #expect(!Self.problems(json).isEmpty, "what is shipped must say where it is from")
    }

    @Test func `the least sure figure speaks for the price`() throws {
        let json = try Self.document(
            """
            "sources": {"a": {"text": "bill", "read": "2026-08", "certainty": "observed"},
                        "b": {"text": "blog", "read": "2026", "certainty": "uncertain"}},
            "cpu": {"usd": "1", "per": "hour", "source": "a"}, "memory": {"usd": "1", "per": "hour", "source": "a"},
            "granularity": {"milliseconds": 1000, "source": "b"}, "regions": {"us": {"multiplier": "2", "source": "b"}}
            """)
        let book = try PriceBook(json: json)
        let plain = try book.price(of: "x")
        #expect(plain.certainty == .observed)
        #expect(plain.roundingCertainty == .uncertain)
        #expect(plain.amounts.map(\.text) == ["bill"])
        #expect(try book.price(of: "x", region: "us").amounts.map(\.text) == ["blog", "bill"])
        #expect(throws: PriceUnknown.self) { try book.price(of: "x", "function") }
        #expect(throws: PriceUnknown.self) { try book.price(of: "y") }
    }

    @Test func `a multiple that ends nowhere is exact all the same`() throws {
        let json = try Self.document(#""cpu": {"usd": "1", "per": "hour"}, "memory": "0.000001", "regions": {"r": "1/7"}"#)
        let price = try PriceBook(json: json, standard: .configured).price(of: "x", region: "r").schedule
        #expect(price.cost(of: Resources(milliCPU: 7000, memoryMiB: 0, diskGiB: 0), for: .seconds(3600)) == "1")
        #expect(price.cost(of: Resources(milliCPU: 0, memoryMiB: 7 * 1024, diskGiB: 0), for: .seconds(1)) == "0.000001")
    }

    @Test(
        "dates",
        arguments: [
            ("2026", 1_767_225_600_000), ("2026-08", 1_785_542_400_000), ("2026-08-06", 1_785_974_400_000),
            ("2024-02-29", 1_709_164_800_000),
            ("2026-11-21T09:30:00.125Z", 1_795_253_400_125), ("2026-11-21T09:30:00Z", 1_795_253_400_000), ("1970-01-01", 0),
        ] as [(String, Int64)])
    func dates(text: String, milliseconds: Int64) throws {
        let date = try #require(PriceDate(text))
        #expect(date.moment.milliseconds == milliseconds)
        #expect(PriceDate(PriceDate(date.moment).description)?.moment == date.moment)
    }

    @Test(
        "what is no date",
        arguments: [
            "", "26", "2026-13", "2026-00", "2026-02-29", "2026-1-1", "2026-08-06T", "2026-08T09:30:00Z", "2026-08-06T24:00:00Z", "1969",
        ])
    func noDates(text: String) { #expect(PriceDate(text) == nil) }
}
