#if canImport(FoundationEssentials)
public import FoundationEssentials
#else
public import Foundation
#endif

/// What an ``Identifier`` names; gives the text its prefix.
public protocol IdentifierKind: Sendable {
    /// What every such identifier starts with, before the underscore.
    static var prefix: String { get }
}

/// A name that Sandstorm gave to something: a prefix, an underscore and a UUIDv7 in lowercase base32 (26 characters).
///
/// Sorting identifiers of one kind sorts them by the time of their making, to the millisecond.
public struct Identifier<Kind: IdentifierKind>: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The whole text: `run_06e1…`.
    public let rawValue: String

    /// Takes `text` if it has the form of such an identifier.
    public init?(_ text: some StringProtocol) {
        let prefix = Kind.prefix + "_"
        guard text.hasPrefix(prefix), text.utf8.count == prefix.utf8.count + 26,
            text.dropFirst(prefix.count).utf8.allSatisfy(Base32.alphabet.contains)
        else { return nil }
        rawValue = String(text)
    }

    /// Makes a new one.
    public static func generate(at date: Date = Date()) -> Identifier {
        var bytes: [UInt8] = []
        let milliseconds = UInt64(max(0, date.timeIntervalSince1970 * 1000))
        for shift in stride(from: 40, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: milliseconds >> UInt64(shift))) }
        var generator = SystemRandomNumberGenerator()
        let random = generator.next()
        let more = generator.next()
        bytes.append(0x70 | UInt8(truncatingIfNeeded: random & 0x0F))
        bytes.append(UInt8(truncatingIfNeeded: random >> 8))
        bytes.append(0x80 | UInt8(truncatingIfNeeded: (random >> 16) & 0x3F))
        for shift in stride(from: 0, through: 48, by: 8) { bytes.append(UInt8(truncatingIfNeeded: more >> UInt64(shift))) }
        return Identifier(trusted: "\(Kind.prefix)_\(Base32.encode(bytes))")
    }

    private init(trusted rawValue: String) { self.rawValue = rawValue }

    /// The same as ``rawValue``.
    public var description: String { rawValue }
    /// Orders by the time of making, to the millisecond.
    public static func < (left: Identifier, right: Identifier) -> Bool { left.rawValue < right.rawValue }
}

/// Base32 in the alphabet `0-9a-v` (RFC 4648's "extended hex"), whose order is the order of the bytes.
enum Base32 {
    static let alphabet = Array("0123456789abcdefghijklmnopqrstuv".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        var buffer: UInt32 = 0
        var bits: UInt32 = 0
        for byte in bytes {
            buffer = buffer << 8 | UInt32(byte)
            bits += 8
            while bits >= 5 {
                bits -= 5
                text.append(alphabet[Int(buffer >> bits & 31)])
            }
        }
        if bits > 0 { text.append(alphabet[Int(buffer << (5 - bits) & 31)]) }
        return String(decoding: text, as: UTF8.self)
    }
}

/// What a ``RunID`` names.
public enum RunKind: IdentifierKind {
    /// As in `run_06e1…`.
    public static let prefix = "run"
}
/// What an ``AttemptID`` names.
public enum AttemptKind: IdentifierKind {
    /// As in `att_06e1…`.
    public static let prefix = "att"
}
/// What a ``SandboxID`` names.
public enum SandboxKind: IdentifierKind {
    /// As in `sbx_06e1…`.
    public static let prefix = "sbx"
}
/// What a ``SnapshotID`` names.
public enum SnapshotIDKind: IdentifierKind {
    /// As in `snp_06e1…`.
    public static let prefix = "snp"
}
/// What a ``ProcessID`` names.
public enum ProcessKind: IdentifierKind {
    /// As in `prc_06e1…`.
    public static let prefix = "prc"
}
/// What a ``GatewayID`` names.
public enum GatewayKind: IdentifierKind {
    /// As in `gw_06e1…`.
    public static let prefix = "gw"
}
/// What a ``TenantID`` names.
public enum TenantKind: IdentifierKind {
    /// As in `ten_06e1…`.
    public static let prefix = "ten"
}
/// What a ``ProjectID`` names.
public enum ProjectKind: IdentifierKind {
    /// As in `prj_06e1…`.
    public static let prefix = "prj"
}
/// What an ``APIKeyID`` names.
public enum APIKeyKind: IdentifierKind {
    /// As in `key_06e1…`.
    public static let prefix = "key"
}
/// What a ``TemplateID`` names.
public enum TemplateKind: IdentifierKind {
    /// As in `tpl_06e1…`.
    public static let prefix = "tpl"
}
/// What a ``TemplateBuildID`` names.
public enum TemplateBuildKind: IdentifierKind {
    /// As in `bld_06e1…`.
    public static let prefix = "bld"
}
/// What a ``SecretID`` names.
public enum SecretKind: IdentifierKind {
    /// As in `sec_06e1…`.
    public static let prefix = "sec"
}
/// What a ``VolumeID`` names.
public enum VolumeKind: IdentifierKind {
    /// As in `vol_06e1…`.
    public static let prefix = "vol"
}

/// One execution of a spec, start to settled.
public typealias RunID = Identifier<RunKind>
/// One try of a run on one offer.
public typealias AttemptID = Identifier<AttemptKind>
/// A living environment, under the name that all front ends know.
public typealias SandboxID = Identifier<SandboxKind>
/// A kept copy of a sandbox, under the name that all front ends know.
public typealias SnapshotID = Identifier<SnapshotIDKind>
/// One command in a living sandbox.
public typealias ProcessID = Identifier<ProcessKind>
/// One data directory or database, and whoever serves it.
public typealias GatewayID = Identifier<GatewayKind>
/// What sandboxes of a kind start from, made by a tenant.
public typealias TemplateID = Identifier<TemplateKind>
/// One making of a template.
public typealias TemplateBuildID = Identifier<TemplateBuildKind>
/// A value that a tenant has put away.
public typealias SecretID = Identifier<SecretKind>
/// Files that outlive sandboxes.
public typealias VolumeID = Identifier<VolumeKind>
/// Who pays.
public typealias TenantID = Identifier<TenantKind>
/// For what.
public typealias ProjectID = Identifier<ProjectKind>
/// Who asks; the public half of an API key.
public typealias APIKeyID = Identifier<APIKeyKind>

/// A kind of place, by the short name that users write: `local`, `e2b`.
public struct ProviderID: Hashable, Sendable, Comparable, CustomStringConvertible, ExpressibleByStringLiteral {
    /// The name as users write it; letter case counts.
    public let rawValue: String
    /// Takes any text; whether there is such a provider is not checked.
    public init(_ rawValue: String) { self.rawValue = rawValue }
    /// No provider: the name is empty, and left out where a run is written as JSON.
    public static let none = ProviderID("")
    /// A name written in the source: `"local"`.
    public init(stringLiteral value: String) { rawValue = value }
    /// The same as ``rawValue``.
    public var description: String { rawValue }
    /// Orders by name.
    public static func < (left: ProviderID, right: ProviderID) -> Bool { left.rawValue < right.rawValue }
}

/// A sandbox under the name that its provider gave it.
public struct ProviderSandboxID: Hashable, Sendable, CustomStringConvertible {
    /// The name in the provider's own form, opaque to everything but its adapter.
    public let rawValue: String
    /// Takes any text; whether there is such a sandbox is not checked.
    public init(_ rawValue: String) { self.rawValue = rawValue }
    /// The same as ``rawValue``.
    public var description: String { rawValue }
}
