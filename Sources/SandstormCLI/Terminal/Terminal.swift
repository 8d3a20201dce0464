import Sandstorm

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What the program's own words are written to: standard error.
enum Terminal {
    /// A person sees standard error at once.
    static var isInteractive: Bool { isatty(STDERR_FILENO) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb" }

    /// Standard output shows colours.
    static var showsColours: Bool {
        let environment = ProcessInfo.processInfo.environment
        return isatty(STDOUT_FILENO) == 1 && environment["TERM"] != "dumb" && (environment["NO_COLOR"] ?? "").isEmpty
    }

    /// What kind of terminal this is, for programs elsewhere that write to it.
    static var name: String {
        let name = ProcessInfo.processInfo.environment["TERM"] ?? ""
        return name.isEmpty ? "xterm-256color" : name
    }

    /// Writes lines to standard error; control characters other than line breaks are left out.
    static func tell(_ text: String) {
        writeRaw(text.split(separator: "\n", omittingEmptySubsequences: false).map { String($0).printable }.joined(separator: "\n") + "\n")
    }

    /// Writes to standard error as it is. What can't be written is lost, as there is nobody to be told.
    static func writeRaw(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }
}

extension String {
    /// The text without what could steer a terminal: control characters and marks that turn the writing direction.
    var printable: String {
        String(String.UnicodeScalarView(unicodeScalars.filter { !$0.steersTerminals }))
    }
}

extension Unicode.Scalar {
    fileprivate var steersTerminals: Bool {
        switch value {
        case 0x00...0x1F, 0x7F...0x9F: true
        case 0x202A...0x202E, 0x2066...0x2069, 0x200E, 0x200F, 0x2028, 0x2029: true
        default: false
        }
    }
}
