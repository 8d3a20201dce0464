import HTTPTypes
import Hummingbird
import SandstormCore
import SandstormServer

extension CallerContext {
    /// A part of the path, decoded.
    func text(_ name: String) throws(E2BError) -> String {
        guard let raw = parameters.get(name), let text = PathText.decode(raw), !text.isEmpty else {
            throw E2BError(.badRequest, "The path is not percent-encoded UTF-8")
        }
        return text
    }

    /// The sandbox that the path names.
    ///
    /// - Throws: 404 for what can't be one.
    var sandboxID: SandboxID {
        get throws(E2BError) {
            let text = try text("sandboxID")
            guard let id = E2BSandboxID.parse(text) else { throw E2BError.noSandbox(text) }
            return id
        }
    }
}

extension E2BError {
    static func noSandbox(_ text: String) -> E2BError { E2BError(.notFound, "Sandbox \"\(text.prefix(128))\" doesn't exist") }
}

/// One part of a path as it is meant: unlike in a query, a plus sign is a plus sign.
enum PathText {
    static func decode(_ text: String) -> String? { FormText.decode(text.replacing("+", with: "%2B")[...]) }
}
