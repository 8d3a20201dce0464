/// One member of a tar archive, without its bytes.
struct TarEntry: Hashable {
    /// What it is.
    enum Kind: Hashable {
        case file
        case directory
        /// With what the link points to.
        case symbolicLink([UInt8])
        /// With the name of the member that it is the same file as.
        case hardLink([UInt8])
        /// A device, a pipe, or something that this version does not know.
        case other(UInt8)
    }

    /// As the archive has it: any bytes but NUL.
    var name: [UInt8]
    var kind: Kind
    var size: Int64 = 0
    /// Permission bits, set-id and sticky bits included.
    var mode: UInt16 = 0o644
    /// In seconds since 1970.
    var modified: Int64 = 0
}

/// An archive that is none, or that was cut.
struct TarError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// The layout of a header block.
enum TarBlock {
    static let size = 512
    /// More than this in the names of one member is no honest archive.
    static let longestExtension = 1024 * 1024

    /// The bytes that fill the last block of `size` bytes of content.
    static func padding(for size: Int64) -> Int { Int((512 - size % 512) % 512) }
}
