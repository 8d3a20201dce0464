/// IPv4 addresses with a common beginning.
struct IPv4Block: Hashable, Sendable, CustomStringConvertible {
    let network: UInt32
    /// How many bits are common.
    let bits: Int

    static let everything = IPv4Block(0, 0)

    /// What is somebody's inside, or nowhere: no sandbox reaches it unless an operator has opened it.
    static let inside = [
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.168.0.0/16",
        "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4",
    ].compactMap { IPv4Block($0) }

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

    var description: String {
        stride(from: 24, through: 0, by: -8).map { "\(network >> UInt32($0) & 255)" }.joined(separator: ".") + "/\(bits)"
    }

    func contains(_ other: IPv4Block) -> Bool { other.bits >= bits && other.network & IPv4Block.mask(bits) == network }

    /// Everything but these and what is inside anyway, in as few blocks as there can be.
    static func everything(but denied: [IPv4Block]) -> [IPv4Block] {
        rest(of: everything, without: denied).filter { block in !inside.contains { $0.contains(block) } }
    }

    private static func rest(of block: IPv4Block, without denied: [IPv4Block]) -> [IPv4Block] {
        if denied.contains(where: { $0.contains(block) }) { return [] }
        let within = denied.filter { block.contains($0) }
        guard !within.isEmpty else { return [block] }
        // Something smaller is denied within: there are halves.
        let half = block.bits + 1
        return rest(of: IPv4Block(block.network, half), without: within)
            + rest(of: IPv4Block(block.network | 1 << UInt32(32 - half), half), without: within)
    }

    private static func mask(_ bits: Int) -> UInt32 { bits == 0 ? 0 : ~0 << UInt32(32 - bits) }
}
