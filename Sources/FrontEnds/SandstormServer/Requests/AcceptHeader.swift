/// The types that this API answers with.
package enum OfferedType: String, Sendable {
    case json = "application/json"
    case eventStream = "text/event-stream"
    case plainText = "text/plain"
    case jsonLines = "application/x-ndjson"
}

/// What a client would like to read (RFC 9110, section 12.5.1).
package struct AcceptHeader: Sendable {
    private struct Range {
        let type: Substring
        let subtype: Substring
        let quality: Double
    }

    private let ranges: [Range]

    /// Reads the header; what is not a media range in it is passed over.
    package init(_ value: String?) {
        ranges = (value ?? "").split(separator: ",").prefix(32).compactMap { element in
            var parameters = element.split(separator: ";").map { AcceptHeader.trimmed($0) }[...]
            guard let range = parameters.popFirst() else { return nil }
            let parts = range.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count == 2 else { return nil }
            let weight = parameters.last { $0.lowercased().hasPrefix("q=") }
            let quality = weight.map { Double($0.dropFirst(2)).flatMap { (0...1).contains($0) ? $0 : nil } ?? 0 } ?? 1
            return Range(type: parts[0], subtype: parts[1], quality: quality)
        }
    }

    /// The offered type that the client likes best.
    ///
    /// Between equals the one that was named more exactly wins, then the one offered first. A client that accepts none of them gets the
    /// first: an answer that it did not ask for is more use than none.
    package func best(of offers: OfferedType...) -> OfferedType {
        precondition(!offers.isEmpty)
        var best = (offer: offers[0], quality: 0.0, exactness: -1)
        for offer in offers {
            guard let range = match(offer), range.quality > 0 else { continue }
            if (range.quality, range.exactness) > (best.quality, best.exactness) { best = (offer, range.quality, range.exactness) }
        }
        return best.offer
    }

    /// The most exact range that covers `offer`.
    private func match(_ offer: OfferedType) -> (quality: Double, exactness: Int)? {
        let parts = offer.rawValue.split(separator: "/")
        var best: (quality: Double, exactness: Int)?
        for range in ranges {
            let exactness: Int
            switch (range.type.lowercased(), range.subtype.lowercased()) {
            case (String(parts[0]), String(parts[1])): exactness = 2
            case (String(parts[0]), "*"): exactness = 1
            case ("*", "*"): exactness = 0
            default: continue
            }
            if exactness > best?.exactness ?? -1 { best = (range.quality, exactness) }
        }
        return best
    }

    private static func trimmed(_ text: Substring) -> Substring {
        let start = text.drop(while: \.isWhitespace)
        return start.lastIndex { !$0.isWhitespace }.map { start[...$0] } ?? ""
    }
}
