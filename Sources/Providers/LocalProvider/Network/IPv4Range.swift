/// IPv4 addresses with a common beginning.
struct IPv4Range: Hashable, Sendable, CustomStringConvertible {
    let network: UInt32
    /// How many bits are common.
    let bits: Int

    /// From `10.0.0.0/8`, or a single address. What is behind the prefix has to be zero: anything else is a slip.
    init?(_ text: some StringProtocol) {
        let halves = text.split(separator: "/", omittingEmptySubsequences: false)
        guard (1...2).contains(halves.count), let address = Self.address(halves[0]) else { return nil }
        let bits = halves.count == 2 ? Int(halves[1]) : 32
        guard let bits, (0...32).contains(bits), address & ~Self.mask(bits) == 0 else { return nil }
        (network, self.bits) = (address, bits)
    }

    init(_ address: UInt32) { (network, bits) = (address, 32) }

    var description: String {
        stride(from: 24, through: 0, by: -8).map { "\(network >> UInt32($0) & 255)" }.joined(separator: ".") + "/\(bits)"
    }

    func contains(_ other: IPv4Range) -> Bool { other.bits >= bits && other.network & Self.mask(bits) == network }

    private static func mask(_ bits: Int) -> UInt32 { bits == 0 ? 0 : ~0 << UInt32(32 - bits) }

    private static func address(_ text: some StringProtocol) -> UInt32? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var address: UInt32 = 0
        for part in parts {
            guard part.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let byte = UInt8(part) else { return nil }
            address = address << 8 | UInt32(byte)
        }
        return address
    }
}
