/// What the headers of one part of a form say.
package struct MultipartHeaders: Hashable, Sendable {
    /// The form's field; `nil` if the part does not say.
    package var name: String?
    /// The file's name as it came, directories included; `nil` for a field that is no file.
    package var filename: String?
    /// The media type as it came.
    package var contentType: String?

    package init(name: String? = nil, filename: String? = nil, contentType: String? = nil) {
        self.name = name
        self.filename = filename
        self.contentType = contentType
    }

    /// Takes one line without its end.
    mutating func take(line: some Collection<UInt8>) throws(MultipartError) {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex, line.first != UInt8(ascii: " "),
            line.first != UInt8(ascii: "\t"), let key = String(validating: line[..<colon], as: UTF8.self)?.lowercased()
        else { throw .malformedHeader }
        let value = line[line.index(after: colon)...]
        switch key {
        case "content-disposition":
            guard let header = ParameterizedHeader(value) else { throw .malformedHeader }
            name = header.parameters["name"]
            filename = header.parameters["filename"]
        case "content-type":
            guard let text = String(validating: value, as: UTF8.self) else { throw .malformedHeader }
            contentType = String(text.drop { $0 == " " || $0 == "\t" })
        default: break
        }
    }
}
