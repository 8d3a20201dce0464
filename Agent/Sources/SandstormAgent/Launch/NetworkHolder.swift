import CLinux
import Glibc

/// `network`: makes a network namespace with a tap in it, and keeps it until its input ends, by when others have joined.
///
/// It runs outside of any sandbox, as the sandbox's user, who owns the namespace through a user namespace made with it. The sandbox is in another
/// one: it can't change what is set here.
///
/// What keeps the code inside from where it must not go, in order: routes that refuse; behind them, for sockets that are bound to the device and so
/// are told "on this link" where no route leads, neighbours that nobody can look up, because the tap takes nothing but what goes to the
/// translator's two addresses. No broadcast, no multicast, no IPv6.
enum NetworkHolder {
    private static let failureStatus: Int32 = 125
    private static let device = "tap0"
    private static let mtu: Int32 = 65_520
    /// The translator's, whether names may be asked for or not.
    private static let resolverAddress = "10.0.2.3"

    static func run(_ arguments: ArraySlice<String>) -> Never {
        do throws(NetworkOptions.Mistake) {
            let options = try NetworkOptions(parsing: arguments)
            do throws(SystemError) {
                if options.isChange {
                    try change(options)
                    exit(0)
                }
                try enter()
                try configure(options)
            } catch {
                SandstormAgent.fail("network: \(error)", status: failureStatus)
            }
        } catch {
            SandstormAgent.fail("network: \(error.message)", status: failureStatus)
        }
        _ = Glibc.write(1, "\n", 1)
        var byte: UInt8 = 0
        while true {
            let count = read(0, &byte, 1)
            if count == 0 || count < 0 && errno != EINTR { exit(0) }
        }
    }

    /// Makes the namespaces. The user is root in them, which the translator insists on.
    private static func enter() throws(SystemError) {
        let (user, group) = (geteuid(), getegid())
        try check(unshare(SANDSTORM_CLONE_NEWUSER | SANDSTORM_CLONE_NEWNET), "unshare")
        try write("deny", to: "/proc/self/setgroups")
        try write("0 \(user) 1", to: "/proc/self/uid_map")
        try write("0 \(group) 1", to: "/proc/self/gid_map")
        // For devices to come: the loopback interface keeps its ::1. There is no such file where the kernel has no IPv6.
        do throws(SystemError) {
            try write("1", to: "/proc/sys/net/ipv6/conf/default/disable_ipv6")
        } catch  where error.code == ENOENT {}
    }

    /// Changes where the network leads. At no moment is more open than before or after: without its device it leads nowhere, and what is refused comes
    /// before what is allowed.
    private static func change(_ options: NetworkOptions) throws(SystemError) {
        let any = try anySocket()
        // Takes all routes through it, and the neighbours, along.
        try check(sandstorm_link_down(any.number, device), "tap down")
        for (network, mask) in try refusals() {
            guard sandstorm_refusal_remove(any.number, network, mask) == 0 || errno == ESRCH else { throw .current(in: "remove route") }
        }
        var refused = options.routes.filter { !$0.isAllowed }.map(\.range)
        // The resolver is on the link, where no longer route refuses it; and whoever asks the link finds nobody.
        if options.resolver == nil, let resolver = NetworkOptions.Range("\(resolverAddress)/32") { refused.append(resolver) }
        for range in refused { try route(range, to: 0, any) }
        try check(sandstorm_link_up(any.number, device), "tap up")
        for address in [options.gateway, options.resolver ?? options.gateway] {
            try check(sandstorm_neighbour(any.number, device, address, hardware(of: address)), "neighbour")
        }
        for (range, isAllowed) in options.routes where isAllowed { try route(range, to: options.gateway, any) }
    }

    /// What is refused now.
    private static func refusals() throws(SystemError) -> [(network: UInt32, mask: UInt32)] {
        let file = try Descriptor.open(Array("/proc/self/net/route".utf8), O_RDONLY)
        var text: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 * 1024)
        reading: while true {
            switch chunk.withUnsafeMutableBytes({ file.read(into: $0) }) {
            case .count(0): break reading
            case .count(let count): text += chunk[..<count]
            case .wouldBlock: throw SystemError(EAGAIN, in: "routes")
            case .failed(let code): throw SystemError(code, in: "routes")
            }
        }
        return String(decoding: text, as: UTF8.self).split(separator: "\n").compactMap { line in
            let fields = line.split(whereSeparator: { $0 == "\t" || $0 == " " })
            // Addresses as they lie in memory, so with their bytes turned around where the machine's are.
            guard fields.count > 7, let flags = UInt32(fields[3], radix: 16), flags & UInt32(RTF_REJECT) != 0,
                let network = UInt32(fields[1], radix: 16), let mask = UInt32(fields[7], radix: 16)
            else { return nil }
            return (UInt32(bigEndian: network), UInt32(bigEndian: mask))
        }
    }

    private static func route(_ range: NetworkOptions.Range, to gateway: UInt32, _ any: Descriptor) throws(SystemError) {
        let result = sandstorm_route(any.number, range.network, range.mask, gateway)
        guard result == 0 || errno == EEXIST else { throw .current(in: "route") }
    }

    private static func anySocket() throws(SystemError) -> Descriptor {
        let number = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { throw .current(in: "socket") }
        return Descriptor(owning: number)
    }

    private static func configure(_ options: NetworkOptions) throws(SystemError) {
        let any = try anySocket()
        try check(sandstorm_link_up(any.number, "lo"), "lo")

        let tun = try Descriptor.open(Array("/dev/net/tun".utf8), O_RDWR)
        let neighbours = [options.gateway, options.resolver ?? options.gateway].map { (address: $0, hardware: hardware(of: $0)) }
        try check(sandstorm_tap_create(tun.number, device), "tap")
        try check(sandstorm_tap_filter(tun.number, neighbours[0].hardware, neighbours[1].hardware), "tap filter")
        try check(sandstorm_tap_persist(tun.number), "tap persist")
        try check(sandstorm_link_mtu(any.number, device, mtu), "tap mtu")
        try check(sandstorm_link_address(any.number, device, options.address, NetworkOptions.Range.mask(24)), "tap address")
        try check(sandstorm_link_up(any.number, device), "tap up")
        for (address, hardware) in neighbours {
            try check(sandstorm_neighbour(any.number, device, address, hardware), "neighbour")
        }
        for (range, isAllowed) in options.routes { try route(range, to: isAllowed ? options.gateway : 0, any) }
    }

    /// libslirp's hardware addresses are made of 52:55 and the IPv4 address.
    private static func hardware(of address: UInt32) -> [UInt8] {
        [0x52, 0x55] + stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: address >> $0) }
    }

    private static func write(_ text: String, to path: String) throws(SystemError) {
        let file = try Descriptor.open(Array(path.utf8), O_WRONLY)
        if case .failed(let code) = Array(text.utf8).withUnsafeBytes({ file.write($0) }) { throw SystemError(code, in: path) }
    }

    private static func check(_ result: Int32, _ step: String) throws(SystemError) {
        guard result == 0 else { throw .current(in: step) }
    }
}
