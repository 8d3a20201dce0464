import SandstormCore

/// A sandbox's id as this dialect has it: lowercase letters and digits only, as it is a part of host names. It is ``SandboxID`` without the
/// underscore.
enum E2BSandboxID {
    static func text(of id: SandboxID) -> String { id.rawValue.replacing("_", with: "") }

    /// Reads an id as clients write it, with or without the suffix `-‹client›` of older ones; `nil` if no sandbox can have it.
    static func parse(_ text: some StringProtocol) -> SandboxID? {
        let bare = text.prefix { $0 != "-" }
        let prefix = SandboxKind.prefix
        guard bare.hasPrefix(prefix) else { return nil }
        return SandboxID(prefix + "_" + bare.dropFirst(prefix.count))
    }
}
