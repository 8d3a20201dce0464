package import HTTPTypes

extension HTTPFields {
    /// The sequence number in `Last-Event-ID` after which a stream goes on; 0 without one.
    ///
    /// - Throws: ``Problem`` of kind `invalidHeader`.
    package func resumePoint() throws(Problem) -> Int {
        guard let text = self[.lastEventID], !text.isEmpty else { return 0 }
        guard let sequence = Int(text), sequence >= 0, text.first != "+" else {
            throw Problem(.invalidHeader, "Last-Event-ID is not the id of an event; send the last id that you received")
        }
        return sequence
    }

    /// The value of `Idempotency-Key`.
    ///
    /// - Throws: ``Problem`` of kind `invalidHeader`.
    package func validIdempotencyKey() throws(Problem) -> String? {
        guard let key = self[.idempotencyKey] else { return nil }
        guard (1...255).contains(key.utf8.count), key.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw Problem(.invalidHeader, "Idempotency-Key must be 1 to 255 printable ASCII characters without spaces")
        }
        return key
    }
}
