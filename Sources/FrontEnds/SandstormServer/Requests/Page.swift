package import SandstormCore

/// A part of a list, newest first: where it begins and how much of it.
package struct Page<Kind: IdentifierKind>: Sendable {
    /// The most on one page.
    package static var maximum: Int { 200 }
    /// The names of its query parameters.
    package static var names: [String] { ["limit", "before"] }

    package let limit: Int
    /// The last of the page before.
    package let before: Identifier<Kind>?

    /// Reads `limit` and `before`.
    package init(_ parameters: QueryParameters) throws(Problem) {
        limit = try parameters.integer("limit", in: 1...Page.maximum) ?? 50
        before = try parameters.identifier("before", remedy: "send the \"next\" of the page before")
    }

    /// One more than asked for, which tells whether there is a next page.
    package var queryLimit: Int { limit + 1 }

    /// The page under `name`, of `elements` as the query for ``queryLimit`` found them, with the way to the next one.
    package func json<Element>(
        _ name: String, _ elements: [Element], id: (Element) -> Identifier<Kind>, _ json: (Element) -> JSONValue
    ) -> JSONValue {
        var object: JSONObject = [name: .array(elements.prefix(limit).map(json))]
        if elements.count > limit { object["next"] = .string(id(elements[limit - 1]).rawValue) }
        return .object(object)
    }
}
