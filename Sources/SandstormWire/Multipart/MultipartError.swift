/// What came is no form, or none that is read here.
package enum MultipartError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The content type has no boundary, or none that is possible.
    case noBoundary
    /// The headers of one part are longer than this.
    case headersTooLong(limit: Int)
    /// A line of a part's headers is none.
    case malformedHeader
    /// There are more parts than this.
    case tooManyParts(limit: Int)
    /// The body ended before the form's end.
    case cut

    package var description: String {
        switch self {
        case .noBoundary: "the form's content type has no valid boundary"
        case .headersTooLong(let limit): "the headers of a part of the form are longer than \(limit) bytes"
        case .malformedHeader: "a header of a part of the form is malformed"
        case .tooManyParts(let limit): "the form has more than \(limit) parts"
        case .cut: "the form was cut before its end"
        }
    }
}
