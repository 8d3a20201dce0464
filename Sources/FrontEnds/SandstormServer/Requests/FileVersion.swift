package import HTTPTypes
package import SandstormCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A file as it was at one moment, for clients that have seen it before.
package struct FileVersion: Sendable {
    package let info: FileInfo

    package init(_ info: FileInfo) { self.info = info }

    /// Another one for every change of size or of the time of the last change, as file systems tell it.
    package var tag: String {
        let microseconds = (info.modifiedAt.timeIntervalSince1970 * 1_000_000).rounded()
        let time = Int64(exactly: microseconds) ?? 0
        return "\"\(String(info.size, radix: 16))-\(String(time, radix: 16))\""
    }

    private var date: String? { HTTPDate.text(info.modifiedAt) }

    /// The header fields that tell versions apart.
    package var headers: HTTPFields {
        var headers: HTTPFields = [.eTag: tag, .acceptRanges: "bytes", .cacheControl: "no-cache"]
        headers[.lastModified] = date
        return headers
    }

    /// Whether a client with these header fields has this very version (RFC 9110, sections 13.1.2 and 13.1.3).
    package func isKnown(to headers: HTTPFields) -> Bool {
        if let tags = headers[.ifNoneMatch] { return FileVersion.list(tags).contains { $0 == "*" || FileVersion.bare($0) == tag } }
        return headers[.ifModifiedSince].map { $0 == date } ?? false
    }

    /// Whether a client with these header fields wants a part of this version: one that has parts of another wants all of this.
    package func isCurrent(for headers: HTTPFields) -> Bool {
        guard let condition = headers[.ifRange] else { return true }
        return condition == tag || condition == date
    }

    /// It has no such part.
    package var rangeProblem: Problem {
        var problem = Problem(.rangeNotSatisfiable, "the file has \(info.size) bytes, and none in this range")
        problem.headers[.contentRange] = "bytes */\(info.size)"
        return problem
    }

    private static func list(_ text: String) -> [Substring] {
        text.split(separator: ",").map { element in
            let start = element.drop { $0 == " " || $0 == "\t" }
            return start.lastIndex { $0 != " " && $0 != "\t" }.map { start[...$0] } ?? ""
        }
    }

    /// A tag without the mark of weakness, which does not count here.
    private static func bare(_ tag: Substring) -> Substring { tag.hasPrefix("W/") ? tag.dropFirst(2) : tag }
}
