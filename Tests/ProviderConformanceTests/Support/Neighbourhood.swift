#if os(Linux)
import Foundation
import Glibc
import ProviderConformance
import SandstormCore

@testable import LocalProvider

/// A web server on this machine under two addresses that sandboxes with a network may reach.
enum Neighbourhood {
    /// None without root and iproute2, as addresses can't be added then.
    static let hosts: EgressHosts? = {
        guard geteuid() == 0, let program = LauncherSurvey.path(of: "ip"), let port = serve() else { return nil }
        let addresses = (0..<2).map { _ in "10.78.\(UInt8.random(in: .min ... .max)).\(UInt8.random(in: 1...254))" }
        guard addresses[0] != addresses[1], addresses.allSatisfy({ change("add", $0, program) }) else { return nil }
        added.withLock { $0 = addresses }
        atexit {
            guard let program = LauncherSurvey.path(of: "ip") else { return }
            for address in Neighbourhood.added.withLock(\.self) { _ = Neighbourhood.change("del", address, program) }
        }
        return EgressHosts(allowed: addresses[0], other: addresses[1], port: port)
    }()

    private static let added = Locked<[String]>([])

    private static func change(_ verb: String, _ address: String, _ program: String) -> Bool {
        let child = try? ChildProcess.spawn([program, "addr", verb, "\(address)/32", "dev", "lo"], .init())
        return child?.reap(within: .seconds(10)) == 0
    }

    /// Answers every request on every address of the machine.
    private static func serve() -> Int? {
        let listening = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard listening >= 0 else { return nil }
        _ = fcntl(listening, F_SETFD, FD_CLOEXEC)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(listening, pointer, length) == 0 && listen(listening, 16) == 0 && getsockname(listening, pointer, &length) == 0
            }
        }
        guard isListening else { return nil }
        Thread.detachNewThread {
            while true {
                let connection = accept(listening, nil, nil)
                guard connection >= 0 else { return }
                let answer = Array("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n".utf8)
                // Not closed before the question was read: that would be a reset.
                var question = [UInt8](repeating: 0, count: 4096)
                _ = recv(connection, &question, question.count, 0)
                _ = send(connection, answer, answer.count, Int32(MSG_NOSIGNAL))
                close(connection)
            }
        }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}
#endif
