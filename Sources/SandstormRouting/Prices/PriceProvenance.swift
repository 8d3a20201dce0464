/// Where a figure is from.
package struct PriceProvenance: Hashable, Sendable {
    /// In words, with the page or the file: `docs FAQ "calculate sandbox price"`.
    package var text: String
    /// When that was read, or how it is dated; `nil` if it is as old as its being there.
    package var read: PriceDate?
    package var certainty: PriceCertainty

    package init(_ text: String, read: PriceDate? = nil, certainty: PriceCertainty) {
        self.text = text
        self.read = read
        self.certainty = certainty
    }

    /// What the operator's configuration says.
    package static let configured = PriceProvenance("the configuration", certainty: .configured)
}
