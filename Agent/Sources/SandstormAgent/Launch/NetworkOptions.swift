/// What `network` was asked to set up. IPv4 only.
struct NetworkOptions {
    /// Addresses with a common beginning.
    struct Range {
        let network: UInt32
        let mask: UInt32

        static func mask(_ bits: Int) -> UInt32 { bits == 0 ? 0 : ~0 << UInt32(32 - bits) }

        /// From `10.0.0.0/8`; what is behind the prefix has to be zero.
        init?(_ text: String) {
            let halves = text.split(separator: "/", omittingEmptySubsequences: false)
            guard halves.count == 2, let bits = Int(halves[1]), (0...32).contains(bits), let address = NetworkOptions.address(halves[0])
            else { return nil }
            network = address
            mask = Self.mask(bits)
            guard address & ~mask == 0 else { return nil }
        }
    }

    struct Mistake: Error {
        let message: String
    }

    /// The sandbox's own address, in a network of 256.
    var address: UInt32 = 0
    /// The translator's addresses in it; nil if it is not to be asked for names.
    var gateway: UInt32 = 0
    var resolver: UInt32?
    /// The network is there already, and this process in it: only where it leads is changed.
    var isChange = false
    /// Where the sandbox may go and where not; the longest match decides.
    var routes: [(range: Range, isAllowed: Bool)] = []

    init(parsing arguments: ArraySlice<String>) throws(Mistake) {
        var rest = arguments
        while let option = rest.popFirst() {
            guard let value = rest.popFirst() else { throw Mistake(message: "\(option) needs a value") }
            switch option {
            case "--change": isChange = value == "yes"
            case "--address": address = try Self.parse(value)
            case "--gateway": gateway = try Self.parse(value)
            case "--resolver": resolver = try Self.parse(value)
            case "--allow", "--refuse":
                guard let range = Range(value) else { throw Mistake(message: "\(value) is no IPv4 network") }
                routes.append((range, option == "--allow"))
            default: throw Mistake(message: "unknown option \(option)")
            }
        }
        guard address != 0, gateway != 0 else { throw Mistake(message: "--address and --gateway are needed") }
    }

    private static func parse(_ text: String) throws(Mistake) -> UInt32 {
        guard let address = address(text[...]) else { throw Mistake(message: "\(text) is no IPv4 address") }
        return address
    }

    fileprivate static func address(_ text: Substring) -> UInt32? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var address: UInt32 = 0
        for part in parts {
            guard let byte = UInt8(part) else { return nil }
            address = address << 8 | UInt32(byte)
        }
        return address
    }
}
