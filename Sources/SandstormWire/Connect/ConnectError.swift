package import SandstormCore

/// A failed call, as the protocol's JSON has it: `{"code":"not_found","message":"…"}`.
package struct ConnectError: Error, Hashable, Sendable, CustomStringConvertible {
    package var code: ConnectCode
    /// For people; empty if the peer gave none.
    package var message: String

    package init(_ code: ConnectCode, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { "\(code.rawValue): \(message)" }

    /// The error as a unary answer's body, or inside a stream's last frame.
    package var json: JSONValue { ["code": .string(code.rawValue), "message": .string(message)] }

    /// Reads the protocol's form. An unknown word for a code is `unknown`; no word at all, as in a proxy's answer, is none of ours.
    package init?(json: JSONValue) {
        guard let word = json["code"]?.stringValue else { return nil }
        self.init(ConnectCode(rawValue: word) ?? .unknown, json["message"]?.stringValue ?? "")
    }

    /// Reads an answer that is no success, whoever wrote it.
    ///
    /// The code in the body counts; without one the status does. A message of another form of JSON is kept, any other body is not.
    ///
    /// - Parameters:
    ///   - status: the answer's HTTP status.
    ///   - body: as much of it as was read.
    package init(httpStatus status: Int, body: some Collection<UInt8>) {
        let json = try? JSONValue(parsing: body)
        if let json, let error = ConnectError(json: json) {
            self = error
        } else {
            self.init(ConnectCode(httpStatus: status), json?["message"]?.stringValue ?? "answered with status \(status)")
        }
    }
}
