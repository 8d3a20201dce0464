import SandstormCore

/// Estimates are kept with the seven digits that they are good for.
extension JSONValue {
    static func estimate(_ value: Double) -> JSONValue { .number(value.isFinite ? "\(Float(value))" : "0") }

    static func estimates(_ values: some Sequence<Double>) -> JSONValue { .array(values.map(JSONValue.estimate)) }

    /// So many numbers; `nil` for anything else.
    func estimates(_ count: Int) -> [Double]? {
        guard let values = arrayValue?.compactMap(\.doubleValue), values.count == count, arrayValue?.count == count else { return nil }
        return values
    }
}
