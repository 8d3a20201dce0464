/// IPv4 addresses with a common beginning.
struct IPv4Block: Hashable, Sendable {
    let network: UInt32
    /// How many bits are common.
    let bits: Int

    private init(_ network: UInt32, _ bits: Int) {
        self.bits = bits
        self.network = network & IPv4Block.mask(bits)
    }

    /// From `10.0.0.0/8`, or a single address; what is behind the prefix does not count.
    init?(_ text: some StringProtocol) {
        let halves = text.split(separator: "/", omittingEmptySubsequences: false)
        let parts = halves[0].split(separator: ".", omittingEmptySubsequences: false)
        let bits = halves.count == 2 ? Int(halves[1]) : 32
        guard halves.count <= 2, parts.count == 4, let bits, (0...32).contains(bits) else { return nil }
        var network: UInt32 = 0
        for part in parts {
            guard !part.isEmpty, part.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let byte = UInt8(part) else { return nil }
            network = network << 8 | UInt32(byte)
        }
        self.init(network, bits)
    }

    private static func mask(_ bits: Int) -> UInt32 { bits == 0 ? 0 : ~0 << UInt32(32 - bits) }
}
