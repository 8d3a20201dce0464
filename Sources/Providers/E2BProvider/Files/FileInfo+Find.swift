import NIOCore
import SandstormCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension FileInfo {
    private static let fieldsOfEntry = 8

    /// Reads what the lines of ``FileLines`` make find print.
    static func entries(inFind output: ByteBuffer) -> [FileInfo] {
        let fields = output.readableBytesView.split(separator: 0, omittingEmptySubsequences: false)
        return stride(from: 0, to: fields.count - 1, by: fieldsOfEntry).compactMap { start in
            guard start + fieldsOfEntry <= fields.count else { return nil }
            return FileInfo(find: fields[start..<start + fieldsOfEntry].map { String(decoding: $0, as: UTF8.self) })
        }
    }

    private init?(find fields: [String]) {
        guard let mode = UInt16(fields[1], radix: 8), let size = Int64(fields[2]), let time = Double(fields[3]) else { return nil }
        let kind: Kind =
            switch fields[0] {
            case "f": .file
            case "d": .directory
            case "l": .symbolicLink
            default: .other
            }
        self.init(
            path: fields[6], kind: kind, size: size, mode: mode, owner: fields[4], group: fields[5],
            modifiedAt: Date(timeIntervalSince1970: time), linkTarget: kind == .symbolicLink ? fields[7] : nil)
    }
}
