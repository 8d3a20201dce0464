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

    static func run(_ arguments: ArraySlice<String>) -> Never {
        do throws(NetworkOptions.Mistake) {
            let options = try NetworkOptions(parsing: arguments)
            do throws(SystemError) {
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

    private static func configure(_ options: NetworkOptions) throws(SystemError) {
        let number = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { throw .current(in: "socket") }
        let any = Descriptor(owning: number)
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
        for (range, isAllowed) in options.routes {
            let result = sandstorm_route(any.number, range.network, range.mask, isAllowed ? options.gateway : 0)
            guard result == 0 || errno == EEXIST else { throw .current(in: "route") }
        }
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
