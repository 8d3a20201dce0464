public import Testing

/// A behaviour that a provider did not show.
public struct ConformanceFailure: Error, Sendable, CustomStringConvertible {
    /// What was expected, and what was there instead.
    public var message: String
    /// The check in the kit that found it.
    public var location: SourceLocation

    /// Takes the location of the check, by default the caller's own.
    public init(_ message: String, at location: SourceLocation = #_sourceLocation) {
        self.message = message
        self.location = location
    }

    /// The same as ``message``.
    public var description: String { message }
}

/// What came of a case.
public enum ConformanceVerdict: Sendable {
    /// The provider behaves as it must.
    case conforms
    /// It does not declare what the case needs, and refuses that as it must.
    case refuses([ConformanceNeed])
    /// It does not behave as it must.
    case fails([ConformanceFailure])

    /// The failures, if any.
    public var failures: [ConformanceFailure] {
        if case .fails(let failures) = self { failures } else { [] }
    }
}
