/// Why the store did not do what it was asked. Nothing was written.
package struct StoreError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of failure.
    package enum Kind: String, Hashable, Sendable {
        /// The disk is full, the files are read-only, or the database does not answer: the operator must act.
        case unavailable
        /// The data directory was written by a newer version.
        case newerSchema
        /// Another process holds the data directory.
        case inUse
        /// What was read makes no sense.
        case corrupt
    }

    package var kind: Kind
    /// For logs and operators; holds no arguments of statements.
    package var message: String

    package init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    package var description: String { "store \(kind.rawValue): \(message)" }
}
