import HTTPTypes
import HummingbirdCore
import SandstormServer

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The query of a request to the control plane. Names that nobody asks for are ignored, as the vendor does.
struct ControlQuery: Sendable {
    /// As they were written, percent-encoded.
    private let values: [(name: String, value: Substring)]

    init(_ request: Request) throws(E2BError) {
        var values: [(name: String, value: Substring)] = []
        for parameter in (request.uri.query ?? "").split(separator: "&") {
            let parts = parameter.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = FormText.decode(parts[0]) else { throw E2BError(.badRequest, "The query is not percent-encoded UTF-8") }
            values.append((name, parts.count == 1 ? "" : parts[1]))
        }
        self.values = values
    }

    /// The value of `name`; `nil` if it is not there or empty.
    func text(_ name: String) throws(E2BError) -> String? {
        guard let value = values.first(where: { $0.name == name })?.value, !value.isEmpty else { return nil }
        guard let text = FormText.decode(value) else { throw E2BError(.badRequest, "Parameter \(name) is not percent-encoded UTF-8") }
        return text
    }

    /// The values of `name`, in as many parameters or separated by commas.
    func list(_ name: String) throws(E2BError) -> [String] {
        var list: [String] = []
        for value in values where value.name == name {
            guard let text = FormText.decode(value.value) else {
                throw E2BError(.badRequest, "Parameter \(name) is not percent-encoded UTF-8")
            }
            list += text.split(separator: ",").map(String.init)
        }
        return list
    }

    func integer(_ name: String, in range: ClosedRange<Int>) throws(E2BError) -> Int? {
        guard let text = try text(name) else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw E2BError(.badRequest, "Parameter \(name) must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func flag(_ name: String) throws(E2BError) -> Bool? {
        switch try text(name) {
        case nil: return nil
        case "true", "1": return true
        case "false", "0": return false
        default: throw E2BError(.badRequest, "Parameter \(name) must be true or false")
        }
    }

    func choice<Value: RawRepresentable & CaseIterable>(
        _ name: String, as type: Value.Type = Value.self
    ) throws(E2BError) -> Value? where Value.RawValue == String {
        guard let text = try text(name) else { return nil }
        guard let value = Value(rawValue: text) else {
            throw E2BError(.badRequest, "Parameter \(name) must be one of \(Value.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return value
    }

    /// An instant of RFC 3339.
    func date(_ name: String) throws(E2BError) -> Date? {
        guard let text = try text(name) else { return nil }
        guard let date = Instant.date(text) else {
            throw E2BError(.badRequest, "Parameter \(name) must be an instant such as 2026-01-01T00:00:00Z")
        }
        return date
    }

    /// Seconds since 1970.
    func seconds(_ name: String) throws(E2BError) -> Date? {
        guard let number = try integer(name, in: 0...253_402_300_799) else { return nil }
        return Date(timeIntervalSince1970: Double(number))
    }
}
