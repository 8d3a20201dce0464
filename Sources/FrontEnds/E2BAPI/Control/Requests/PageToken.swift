import HTTPTypes
import SandstormCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Where the next page of a list begins, as clients hold it: text that means nothing to them.
enum PageToken {
    static func text(after id: String) -> String {
        Data(id.utf8).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    /// - Throws: 400 for what no list gave.
    static func parse<Kind: IdentifierKind>(_ text: String?) throws(E2BError) -> Identifier<Kind>? {
        guard let text else { return nil }
        let standard = text.replacing("-", with: "+").replacing("_", with: "/")
        let padded = standard + String(repeating: "=", count: (4 - standard.utf8.count % 4) % 4)
        guard let data = Data(base64Encoded: padded), let raw = String(validating: data, as: UTF8.self), let id = Identifier<Kind>(raw)
        else {
            throw E2BError(.badRequest, "Invalid next token")
        }
        return id
    }

    /// The header fields of a page of `limit`, cut from `elements`, which may have one more.
    static func headers<Element>(_ elements: [Element], limit: Int, id: (Element) -> String) -> HTTPFields {
        elements.count > limit && limit > 0 ? [.nextToken: text(after: id(elements[limit - 1]))] : [:]
    }
}
