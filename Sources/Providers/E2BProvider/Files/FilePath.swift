import SandstormCore

/// Paths as callers write them, made absolute and checked.
enum FilePath {
    private static let longestName = 255
    private static let longestPath = 4095

    /// - Throws: ``ProviderError``: `invalid` with `badPath`.
    static func absolute(_ path: String) throws(ProviderError) -> String {
        var absolute = path.hasPrefix("/") ? path : "\(SandboxSpec.workspace)/\(path)"
        while absolute.utf8.count > 1, absolute.hasSuffix("/") { absolute.removeLast() }
        let names = absolute.utf8.split(separator: UInt8(ascii: "/"))
        guard !absolute.utf8.contains(0), absolute.utf8.count <= longestPath, names.allSatisfy({ $0.count <= longestName }) else {
            throw FileFailure.error(String(path.prefix(100)), .badPath)
        }
        return absolute
    }

    /// A name beside `path` that nothing has.
    static func beside(_ path: String) -> String { inside(String(path[...(path.lastIndex(of: "/") ?? path.startIndex)].dropLast())) }

    /// A name in the directory `path` that nothing has.
    static func inside(_ path: String) -> String {
        "\(path)/.sandstorm-\(String(UInt64.random(in: .min ... .max), radix: 36))"
    }
}
