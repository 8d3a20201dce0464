package import SandstormCore

extension PriceBook {
    /// The prices that came with this version.
    ///
    /// Traps if they are not in order, which a test of every release rules out.
    package static let shipped: PriceBook = {
        do throws(InvalidRequest) {
            return try PriceBook(json: shippedDocument)
        } catch {
            preconditionFailure("\(error)")
        }
    }()

    /// The same as they are written.
    package static let shippedDocument: JSONValue = {
        do throws(JSONSyntaxError) {
            return try JSONValue(parsing: shippedPrices)
        } catch {
            preconditionFailure("\(error)")
        }
    }()
}
