extension Duration {
    /// Ten years: what "for ever" means where a finite number is needed.
    public static let longest = Duration.seconds(10 * 366 * 86_400)

    /// The duration in milliseconds, rounded toward zero.
    public var wholeMilliseconds: Int64 { milliseconds(rounded: .towardZero) }

    /// The duration in milliseconds, rounded as told.
    public func milliseconds(rounded rule: FloatingPointRoundingRule) -> Int64 {
        let (seconds, attoseconds) = components
        let (whole, rest) = attoseconds.quotientAndRemainder(dividingBy: 1_000_000_000_000_000)
        let carry: Int64 = rule == .up && rest > 0 ? 1 : 0
        return seconds * 1000 + whole + carry
    }

    /// The duration in seconds, for display and metrics.
    public var inSeconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }

    /// The duration for people: `340 ms`, `2.41 s`, `3 min 20 s`.
    public var display: String {
        let milliseconds = wholeMilliseconds
        switch milliseconds {
        case ..<1000: return "\(milliseconds) ms"
        case ..<60_000: return "\(milliseconds / 1000).\(String(milliseconds % 1000 / 10 + 100).dropFirst()) s"
        case ..<3_600_000: return Duration.display(milliseconds / 60_000, "min", milliseconds % 60_000 / 1000, "s")
        default: return Duration.display(milliseconds / 3_600_000, "h", milliseconds % 3_600_000 / 60_000, "min")
        }
    }

    private static func display(_ whole: Int64, _ unit: String, _ rest: Int64, _ restUnit: String) -> String {
        rest == 0 ? "\(whole) \(unit)" : "\(whole) \(unit) \(rest) \(restUnit)"
    }

    /// Parses a length of time as people write it: `500ms`, `10s`, `1.5m`, `2h`; a bare number is seconds.
    public init?(parsing text: some StringProtocol) {
        let digits = text.prefix { $0.isNumber || $0 == "." }
        let scale: Double
        switch text.dropFirst(digits.count).lowercased() {
        case "ms": scale = 0.001
        case "", "s": scale = 1
        case "m", "min": scale = 60
        case "h": scale = 3600
        case "d": scale = 86_400
        default: return nil
        }
        guard let number = Double(digits), number >= 0, number * scale < 1e9 else { return nil }
        self = .milliseconds(Int64((number * scale * 1000).rounded()))
    }
}
