#if canImport(FoundationEssentials)
public import FoundationEssentials
#else
public import Foundation
#endif

extension Date {
    private static let format = Date.ISO8601FormatStyle(includingFractionalSeconds: true)

    /// The instant in RFC 3339, UTC, with milliseconds: `2026-11-21T09:30:00.125Z`.
    ///
    /// Rounded, since the formatter cuts: an instant that was read with `.002` would be written with `.001`.
    public var rfc3339: String {
        Date(timeIntervalSince1970: (timeIntervalSince1970 * 1000).rounded() / 1000 + 0.000_1).formatted(Date.format)
    }

    /// Reads an instant that ``rfc3339`` wrote.
    public init?(rfc3339 text: String) {
        guard let date = try? Date.format.parse(text) else { return nil }
        // The parser adds the fraction as a binary one: without rounding, what was written would not equal what is read.
        self.init(timeIntervalSince1970: (date.timeIntervalSince1970 * 1000).rounded() / 1000)
    }
}
