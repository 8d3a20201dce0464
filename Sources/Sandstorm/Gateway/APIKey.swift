/// The secret of an API key, which no description shows.
struct APIKey: Sendable, CustomStringConvertible, CustomReflectable {
    let secret: String

    var description: String { "‹redacted›" }
    var customMirror: Mirror { Mirror(self, children: []) }
}
