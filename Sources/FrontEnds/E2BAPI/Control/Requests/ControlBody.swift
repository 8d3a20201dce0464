import HTTPTypes
import HummingbirdCore
import SandstormCore
import SandstormServer

/// The JSON in the body of a request to the control plane. Members that nobody asks for are ignored, as the vendor does.
enum ControlBody {
    /// Reads all of the body as whatever `make` makes of its members.
    ///
    /// - Parameter isOptional: no body at all stands for an object without members.
    /// - Throws: ``E2BError`` with everything that is wrong with the body.
    static func read<Value>(
        _ request: Request, limit: Int, isOptional: Bool = false, _ make: (inout JSONReader) throws(E2BError) -> Value
    ) async throws -> Value {
        let json = try await JSONBody.read(request, limit: limit, absent: isOptional ? [:] : nil)
        var reader = JSONReader(json, at: "")
        let value = try make(&reader)
        try check(reader)
        return value
    }

    static func check(_ reader: JSONReader) throws(E2BError) {
        guard !reader.problems.isEmpty else { return }
        let details = reader.problems.prefix(20).map { "\($0.pointer.isEmpty ? "body" : $0.pointer) \($0.detail): \($0.remedy)" }
        throw E2BError(.badRequest, "Error when parsing request: " + details.joined(separator: "; "))
    }
}

extension JSONReader {
    /// A string that must be there.
    mutating func requiredString(_ key: String) -> String {
        let hadProblems = problems.count
        guard let text = string(key) else {
            if problems.count == hadProblems { report(key, "is missing", remedy: "send a string") }
            return ""
        }
        if text.isEmpty { report(key, "is empty", remedy: "send a string with something in it") }
        return text
    }

    /// What is wrong with one member, as the whole answer.
    static func refuse(_ message: String) -> E2BError { E2BError(.badRequest, message) }
}
