#if os(Linux)
import Glibc
import NIOCore
import SandstormCore
import Testing

@testable import LocalProvider

/// Programs that attack, written in Python: it reaches every system call.
enum Probe {
    static let isPossible = HostFile.exists("/usr/bin/python3")

    /// A list as Python writes it.
    static func list(_ texts: [String]) -> String { "[" + texts.map { "'\($0)'" }.joined(separator: ", ") + "]" }

    /// Runs one on the machine itself, to compare.
    static func onHost(_ program: String) throws -> String {
        let (ours, theirs) = try Descriptor.socketPair()
        let child = try ChildProcess.spawn(["/usr/bin/python3", "-c", program], .init(output: theirs))
        guard child.reap(within: .seconds(30)) != nil else {
            child.end()
            return ""
        }
        return String(decoding: ours.readAvailable(limit: 65_536), as: UTF8.self)
    }
}

extension Sandbox {
    /// Runs a program to its end, its input empty.
    func python(_ program: String, as user: String? = nil) async throws -> Transcript {
        let process = try await start(Command(["/usr/bin/python3", "-c", program], user: user))
        try await process.closeInput()
        let transcript = try await process.transcript()
        if !transcript.stderr.isEmpty { Issue.record("\(transcript.stderr)") }
        return transcript
    }
}

extension Machine {
    static let hasNetwork = LauncherSurvey.path(of: "slirp4netns") != nil && HostFile.exists("/dev/net/tun")
}

/// A service of the machine's on all of its addresses, which counts who gets to it.
final class HostListener: Sendable {
    let port: Int
    private let tcp: [Descriptor]
    private let udp: [Descriptor]

    init() throws {
        let (first, port) = try Self.bind(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        self.port = port
        tcp = [first, try Self.bind(AF_INET6, Int32(SOCK_STREAM.rawValue), port).0]
        udp = [
            try Self.bind(AF_INET, Int32(SOCK_DGRAM.rawValue), port).0, try Self.bind(AF_INET6, Int32(SOCK_DGRAM.rawValue), port).0,
        ]
        for listener in tcp { listen(listener.number, 128) }
        // Groups that multicast from the machine itself gets to.
        for group: [UInt8] in [[224, 0, 0, 1], [239, 77, 77, 77]] {
            var request = group + [0, 0, 0, 0]
            setsockopt(udp[0].number, Int32(IPPROTO_IP), IP_ADD_MEMBERSHIP, &request, socklen_t(request.count))
        }
    }

    /// Listens where only a name is needed.
    static func abstract(_ name: String) throws -> Descriptor {
        let listener = Descriptor(owning: socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0))
        var bytes = [UInt8](repeating: 0, count: 3) + Array(name.utf8)
        bytes.withUnsafeMutableBytes { $0.storeBytes(of: sa_family_t(AF_UNIX), as: sa_family_t.self) }
        let result = bytes.withUnsafeBytes { raw in
            raw.withMemoryRebound(to: sockaddr.self) { Glibc.bind(listener.number, $0.baseAddress, socklen_t(raw.count)) }
        }
        guard result == 0, listen(listener.number, 8) == 0 else { throw SystemError.current(in: "abstract socket") }
        return listener
    }

    private static func bind(_ family: Int32, _ type: Int32, _ port: Int) throws -> (Descriptor, Int) {
        let listener = Descriptor(owning: socket(family, type | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0))
        var one: Int32 = 1
        setsockopt(listener.number, SOL_SOCKET, SO_REUSEADDR, &one, 4)
        if family == AF_INET6 { setsockopt(listener.number, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &one, 4) }
        // The family, the port, and any address; the same beginning for both families.
        var bytes = [UInt8](repeating: 0, count: family == AF_INET6 ? 28 : 16)
        bytes.withUnsafeMutableBytes { raw in
            raw.storeBytes(of: sa_family_t(family), as: sa_family_t.self)
            raw.storeBytes(of: in_port_t(port).bigEndian, toByteOffset: 2, as: in_port_t.self)
        }
        var length = socklen_t(bytes.count)
        let result = bytes.withUnsafeMutableBytes { raw in
            raw.withMemoryRebound(to: sockaddr.self) { address in
                Glibc.bind(listener.number, address.baseAddress, length) == 0
                    && getsockname(listener.number, address.baseAddress, &length) == 0
            }
        }
        guard result else { throw SystemError.current(in: "bind") }
        return (listener, Int(bytes[2]) << 8 | Int(bytes[3]))
    }

    /// Who has come since this was last asked.
    func visitors() -> [String] {
        var all: [String] = []
        for listener in tcp {
            while case let visitor = accept(listener.number, nil, nil), visitor >= 0 {
                close(visitor)
                all.append("tcp")
            }
        }
        for listener in udp {
            var bytes = [UInt8](repeating: 0, count: 64)
            while recv(listener.number, &bytes, bytes.count, Int32(MSG_DONTWAIT)) > 0 { all.append("udp") }
        }
        return all
    }

    /// All addresses that the machine answers at.
    static var machineAddresses: [String] {
        var first: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&first) == 0 else { return [] }
        defer { freeifaddrs(first) }
        var addresses: Set<String> = []
        var next = first
        while let entry = next?.pointee {
            next = entry.ifa_next
            guard let address = entry.ifa_addr, [AF_INET, AF_INET6].contains(Int32(address.pointee.sa_family)) else { continue }
            let size = Int32(address.pointee.sa_family) == AF_INET ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size
            var text = [CChar](repeating: 0, count: 64)
            guard getnameinfo(address, socklen_t(size), &text, 64, nil, 0, NI_NUMERICHOST) == 0 else { continue }
            addresses.insert(String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
        }
        return addresses.filter { !$0.contains("%") }.sorted()
    }
}

/// A second address of the machine's, as long as it is referred to.
final class DummyAddress: Sendable {
    let text = "10.77.\(UInt8.random(in: .min ... .max)).\(UInt8.random(in: 1...254))"

    init() throws { try change("add") }

    deinit { try? change("del") }

    private func change(_ verb: String) throws {
        guard let program = LauncherSurvey.path(of: "ip") else { throw SystemError(ENOENT, in: "ip (iproute2)") }
        let child = try ChildProcess.spawn([program, "addr", verb, "\(text)/32", "dev", "lo"], .init())
        guard child.reap(within: .seconds(10)) == 0 else { throw SystemError(EIO, in: "ip addr \(verb)") }
    }
}
#endif
