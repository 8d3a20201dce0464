import HTTPTypes
import SandstormServer

/// Labels by which sandboxes are listed, as clients write them: a form inside the value of a query parameter, each key and value of which is
/// encoded by itself, before the whole is encoded as a value.
///
/// The SDK encodes a third time, key by key; decoding once for the query, once for the whole and once for each part is what the vendor's server
/// does, and leaves a text that was encoded less often as it was meant unless it contains a percent sign.
enum MetadataFilter {
    /// The most labels that one filter may have.
    static let maximumLabels = 100

    /// - Parameter text: the parameter's value, decoded once.
    /// - Throws: 400 for what is no form.
    static func labels(_ text: String) throws(E2BError) -> [String: String] {
        guard text.utf8.count <= 65_536 else { throw E2BError(.badRequest, "Parameter metadata is too long") }
        guard let whole = FormText.decode(text[...]) else { throw malformed }
        var labels: [String: String] = [:]
        for pair in whole.split(separator: "&") {
            guard labels.count < maximumLabels else { throw E2BError(.badRequest, "Parameter metadata has too many labels") }
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let key = FormText.decode(parts[0]), let value = parts.count == 1 ? "" : FormText.decode(parts[1]) else {
                throw malformed
            }
            labels[key] = value
        }
        return labels
    }

    private static var malformed: E2BError { E2BError(.badRequest, "Parameter metadata is not a percent-encoded form") }
}
