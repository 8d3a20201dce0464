#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension JSONObject {
    /// Sets `key` to `bytes` as text if they are UTF-8, else the sibling key `keyBase64`.
    public mutating func setBytes(_ bytes: some Collection<UInt8>, _ key: String) {
        if let text = String(validating: bytes, as: UTF8.self) {
            self[key] = .string(text)
        } else {
            self[key + "Base64"] = .string(Data(bytes).base64EncodedString())
        }
    }

    /// The bytes that ``setBytes(_:_:)`` wrote.
    public func bytes(_ key: String) -> [UInt8]? {
        if let text = self[key]?.stringValue { return Array(text.utf8) }
        return self[key + "Base64"]?.stringValue.flatMap { Data(base64Encoded: $0) }.map(Array.init)
    }
}

extension JSONReader {
    /// Bytes written in base64.
    public mutating func base64(_ key: String) -> [UInt8]? {
        read(key, "is not base64", remedy: "encode the bytes in standard base64 with padding") { value in
            value.stringValue.flatMap { Data(base64Encoded: $0) }.map(Array.init)
        }
    }
}
