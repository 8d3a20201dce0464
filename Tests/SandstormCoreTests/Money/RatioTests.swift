import SandstormCore
import SandstormTestSupport
import Testing

@Suite("Ratios") struct RatioTests {
    @Test(
        "are read exactly and shown in lowest terms",
        arguments: [
            ("7/4", "7/4"), ("1.75", "7/4"), ("2", "2"), ("1.15", "23/20"), ("0.000000001", "1/1000000000"), ("10/4", "5/2"),
            ("1.0", "1"), ("1/3", "1/3"),
        ])
    func reads(text: String, shown: String) throws {
        let ratio = try #require(Ratio(text))
        #expect(ratio.description == shown)
        #expect(Ratio(shown) == ratio)
    }

    @Test(
        "are refused if they are none",
        arguments: ["", "0", "0.0", "-1", "1/0", "0/1", "1/-2", "1.5/2", "1/2/3", "a", "1e3", "1.", ".5", "+1", "1.0000000001", "٣", "1 "])
    func refuses(text: String) { #expect(Ratio(text) == nil) }

    @Test func `parts stay within their limit`() {
        #expect(Ratio(Ratio.limit + 1) == nil)
        #expect(Ratio(1, Ratio.limit + 1) == nil)
        #expect(Ratio(2 * Ratio.limit, 2 * Ratio.limit) == .one)
        let large = Ratio(Ratio.limit)
        #expect(large.flatMap { $0.times($0) } == nil)
        #expect(large.flatMap { large in Ratio(1, Ratio.limit).flatMap { large.times($0) } } == .one)
    }

    @Test("products and order agree with whole numbers", arguments: 0..<50)
    func arithmetic(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let parts = (0..<4).map { _ in Int64.random(in: 1...30_000, using: &generator) }
        let (left, right) = (try #require(Ratio(parts[0], parts[1])), try #require(Ratio(parts[2], parts[3])))
        let product = try #require(left.times(right))
        #expect(product.numerator * parts[1] * parts[3] == product.denominator * parts[0] * parts[2])
        #expect((left < right) == (parts[0] * parts[3] < parts[2] * parts[1]))
    }
}
