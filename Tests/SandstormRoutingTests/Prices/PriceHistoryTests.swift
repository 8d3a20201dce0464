import SandstormCore
import Testing

@testable import SandstormRouting

@Suite("The history of prices") struct PriceHistoryTests {
    private static let resources = Resources(milliCPU: 1000, memoryMiB: 0, diskGiB: 0)

    private static func document(_ usd: String) -> JSONValue { ["cpu": ["usd": .string(usd), "per": "second"]] }

    private static func cost(_ book: PriceBook, _ provider: ProviderID = "x") -> Money? {
        (try? book.price(of: provider))?.schedule.cost(of: resources, for: .seconds(1))
    }

    private static func at(_ time: Int64) -> Moment { Moment(milliseconds: time) }

    @Test func `an old run is priced by what held then`() {
        var history = PriceHistory()
        for (time, usd) in [(10, "1"), (20, "2"), (30, "3")] as [(Int64, String)] {
            let changes = history.set(.shipped, to: [PriceID("x"): Self.document(usd)], reason: "version \(usd)", at: Self.at(time))
            #expect(changes.count == 1)
        }
        let again = PriceHistory(history.records)
        for history in [history, again] {
            #expect(Self.cost(history.book(at: Self.at(9))) == nil)
            #expect(Self.cost(history.book(at: Self.at(10))) == "1")
            #expect(Self.cost(history.book(at: Self.at(29))) == "2")
            #expect(Self.cost(history.book(at: Self.at(30))) == "3")
            #expect(Self.cost(history.current) == "3")
        }
    }

    @Test func `who is closer to the operator covers who is further away`() {
        var history = PriceHistory()
        let x = PriceID("x")
        history.set(.configuration, "4", x, 1)
        history.set(.shipped, "1", x, 2)
        history.set(.rates, "3", x, 3)
        history.set(.feed, "2", x, 4)
        #expect(Self.cost(history.current) == "4")
        #expect(history.inForce[x]?.layer == .configuration)
        #expect(Self.cost(history.book(upTo: .rates)) == "3")
        #expect(Self.cost(history.book(upTo: .feed)) == "2")
        _ = history.set(.configuration, to: [:], reason: "gone", at: Self.at(5))
        #expect(Self.cost(history.current) == "3")
        _ = history.set(.rates, to: [:], reason: "gone", at: Self.at(6))
        #expect(Self.cost(history.current) == "2")
        #expect(Self.cost(history.book(at: Self.at(3))) == "4")
    }

    @Test func `what says the same again is no change, in whatever order it says it`() throws {
        var history = PriceHistory()
        let first = try JSONValue(parsing: #"{"cpu": {"usd": "1", "per": "second"}, "title": "X"}"#)
        let second = try JSONValue(parsing: #"{"title": "X", "cpu": {"per": "second", "usd": "1"}}"#)
        #expect(history.set(.feed, to: [PriceID("x"): first], reason: "1", at: Self.at(1)).count == 1)
        #expect(history.set(.feed, to: [PriceID("x"): second], reason: "2", at: Self.at(2)).isEmpty)
        #expect(history.records.count == 1)
    }

    @Test func `null takes an entry away, and silence gives it back`() {
        var history = PriceHistory()
        let x = PriceID("x")
        history.set(.shipped, "1", x, 1)
        _ = history.set(.configuration, to: [x: .null], reason: "not wanted", at: Self.at(2))
        #expect(history.current[x] == nil)
        #expect(history.inForce[x]?.layer == .configuration)
        _ = history.set(.configuration, to: [:], reason: "wanted", at: Self.at(3))
        #expect(Self.cost(history.current) == "1")
    }

    @Test func `a source may leave alone what it does not name`() {
        var history = PriceHistory()
        let (x, y) = (PriceID("x"), PriceID("y"))
        _ = history.set(.rates, to: [x: Self.document("1"), y: Self.document("2")], reason: "both", at: Self.at(1))
        #expect(history.set(.rates, to: [x: Self.document("3")], only: [], reason: "one", at: Self.at(2)).map(\.entry) == [x])
        #expect(Self.cost(history.current, "y") == "2")
        #expect(history.set(.rates, to: [:], reason: "none", at: Self.at(3)).count == 2)
    }

    @Test func `a clock that goes back does not change the past`() {
        var history = PriceHistory()
        history.set(.shipped, "1", PriceID("x"), 100)
        history.set(.shipped, "2", PriceID("x"), 50)
        #expect(history.records.map(\.at) == [Self.at(100), Self.at(100)])
        #expect(Self.cost(history.book(at: Self.at(60))) == nil)
        #expect(Self.cost(history.book(at: Self.at(100))) == "2")
    }

    @Test func `an entry in a form of another version leaves the one below it`() {
        var history = PriceHistory()
        let x = PriceID("x")
        history.set(.shipped, "1", x, 1)
        _ = history.set(.feed, to: [x: ["cpu": ["usd": "2", "per": "fortnight"]]], reason: "newer", at: Self.at(2))
        #expect(Self.cost(history.current) == "1")
        #expect(history.inForce[x]?.layer == .shipped)
    }

    @Test("the book of any moment is what changes up to it make", arguments: 0..<20)
    func random(seed: UInt64) {
        var generator = SplitMix(state: seed)
        var history = PriceHistory()
        var books: [(Moment, PriceBook)] = []
        for step in 0..<60 {
            let layer = PriceLayer.allCases[Int(generator.next() % 4)]
            var documents: [PriceID: JSONValue] = [:]
            for name in ["a", "b", "c"] where generator.next() % 2 == 0 {
                documents[PriceID(ProviderID(name))] = generator.next() % 5 == 0 ? .null : Self.document("\(generator.next() % 3)")
            }
            _ = history.set(layer, to: documents, reason: "step \(step)", at: Self.at(Int64(step * 10)))
            books.append((Self.at(Int64(step * 10)), history.current))
        }
        for (moment, book) in books { #expect(history.book(at: moment) == book, "seed \(seed), \(moment)") }
        #expect(PriceHistory(history.records).current == history.current)
    }
}

extension PriceHistory {
    fileprivate mutating func set(_ layer: PriceLayer, _ usd: String, _ id: PriceID, _ time: Int64) {
        _ = set(layer, to: [id: ["cpu": ["usd": .string(usd), "per": "second"]]], reason: "test", at: Moment(milliseconds: time))
    }
}

private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
