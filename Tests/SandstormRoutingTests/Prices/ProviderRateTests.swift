import SandstormCore
import Testing

@testable import SandstormRouting

@Suite("What a provider says of its own prices") struct ProviderRateTests {
    private static let told = PriceProvenance("rates call", certainty: .observed)

    private static func book(after rates: [ProviderRate], of provider: ProviderID) throws -> PriceBook {
        let documents = try PriceBook.shipped.documents(after: rates, of: provider, from: told)
        var history = PriceHistory()
        _ = history.set(.rates, to: documents, reason: "rates", at: Moment(milliseconds: 5))
        return history.current
    }

    @Test func `takes the place of what was published, figure by figure`() throws {
        let rates = [
            ProviderRate(.vCPUs(2), try #require(Rate("0.00004"))), ProviderRate(.gpu("H100"), try #require(Rate("3.6")), per: .hour),
            ProviderRate(product: "function", .memoryGiB, try #require(Rate("0.000002"))),
        ]
        let book = try Self.book(after: rates, of: "modal")
        let price = try book.price(of: "modal", gpu: "H100")
        #expect(price.schedule.perVCPUSecond == Rate("0.00002"))
        #expect(price.schedule.perGPUSecond["H100"] == Rate("0.001"))
        // What it did not tell stays, with where it is from.
        #expect(price.schedule.perGiBSecond == Rate("0.00000667"))
        #expect(price.amounts.map(\.certainty) == [.published, .observed])
        #expect(try book.price(of: "modal", "function").schedule.perGiBSecond == Rate("0.000002"))
        #expect(try book.price(of: "modal", region: "us").schedule.perVCPUSecond == Rate("0.00003"))
    }

    @Test func `prices what nobody had published`() throws {
        let book = try Self.book(after: [ProviderRate(.vCPUs(1), try #require(Rate("0.05")), per: .hour)], of: "morph")
        #expect(book[PriceID("morph")]?.unpublished == nil)
        #expect(book[PriceID("morph")]?.title == "Morph instance")
        #expect(try book.price(of: "morph").certainty == .observed)
        let unheard = try Self.book(after: [ProviderRate(.diskGiB, .zero), ProviderRate(.memoryGiB, .zero)], of: "unheard-of")
        #expect(try unheard.price(of: "unheard-of").schedule == .free)
    }

    @Test func `is refused if it makes no price`() {
        #expect(throws: InvalidRequest.self) {
            try PriceBook.shipped.documents(after: [ProviderRate(.diskGiB, .zero)], of: "new", from: Self.told)
        }
        let nameless = ProviderRate(product: "a b", .memoryGiB, .zero)
        #expect(throws: InvalidRequest.self) { try PriceBook.shipped.documents(after: [nameless], of: "modal", from: Self.told) }
    }
}
