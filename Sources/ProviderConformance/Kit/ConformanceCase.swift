public import Testing

/// One behaviour that every provider must show, or must refuse by name.
public struct ConformanceCase: Sendable {
    /// What a group of behaviours is about.
    public enum Area: String, CaseIterable, Hashable, Sendable {
        case lifecycle, exitCodes, signals, streaming, input, terminal, environment, users, files, listing, watch, archive
        case concurrency, pause, snapshot, fork, ports, egress, limits, kill, tags, errors, usage
    }

    /// What it is about.
    public let area: Area
    /// The behaviour in words; unique in its area.
    public let name: String
    /// What a provider must declare for it. Where one of these is missing, its refusal is proved instead.
    public let needs: [ConformanceNeed]
    /// Where in the kit it is written down.
    public let location: SourceLocation
    let body: @Sendable (CaseContext) async throws -> Void

    init(
        _ area: Area, _ name: String, needs: [ConformanceNeed] = [], at location: SourceLocation = #_sourceLocation,
        _ body: @escaping @Sendable (CaseContext) async throws -> Void
    ) {
        self.location = location
        self.area = area
        self.name = name
        self.needs = needs
        self.body = body
    }

    /// `area: name`, stable across runs; what a known deviation is listed by.
    public var id: String { "\(area.rawValue): \(name)" }

    /// Every case, in the order of the areas.
    public static let all: [ConformanceCase] = [
        lifecycle, exitCodes, signals, streaming, input, terminal, environment, users, files, fileTree, listing, watch, archive,
        concurrency, pause, snapshot, fork, ports, egress, limits, kill, tags, errors, usage,
    ].flatMap(\.self)

    /// The cases of one area.
    public static func cases(about area: Area) -> [ConformanceCase] { all.filter { $0.area == area } }
}

extension ConformanceCase: Hashable, CustomTestStringConvertible {
    /// Cases are the same if their names are.
    public static func == (left: ConformanceCase, right: ConformanceCase) -> Bool { left.id == right.id }
    /// By ``id``.
    public func hash(into hasher: inout Hasher) { hasher.combine(id) }
    /// What the test's report calls it.
    public var testDescription: String { id }
}

extension ConformanceCase: Encodable, CustomTestArgumentEncodable {
    /// By ``id``, so that one case can be run again by itself.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(id)
    }

    /// By ``id``.
    public func encodeTestArgument(to encoder: some Encoder) throws { try encode(to: encoder) }
}
