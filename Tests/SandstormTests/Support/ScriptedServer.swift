import Foundation
import SandstormCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A server on a free port of the loopback that answers each connection as the test says, and then closes it.
///
/// It speaks no protocol of its own, so that it can break every rule of one.
final class ScriptedServer: Sendable {
    /// The listening socket, until nobody accepts at it any more.
    private let listener: Locked<CInt?>
    private let seen = Locked<[String]>([])
    let port: UInt16

    /// - Parameter answer: the bytes for the request with this number, from 0; `nil` keeps the connection open and silent.
    init(_ answer: @escaping @Sendable (_ index: Int, _ request: String) -> String?) throws {
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(descriptor, pointer, length) == 0 && listen(descriptor, 16) == 0 && getsockname(descriptor, pointer, &length) == 0
            }
        }
        guard bound else { throw POSIXError(.EADDRINUSE) }
        listener = Locked(descriptor)
        port = UInt16(bigEndian: address.sin_port)
        Thread.detachNewThread { [seen, listener] in
            while case let client = accept(descriptor, nil, nil), client >= 0 {
                // A thread each: clients also open connections on which they then say nothing.
                Thread.detachNewThread { ScriptedServer.serve(client, seen, answer) }
            }
            // Closed by who uses it: closed by another, its number might be that of the next server's socket by now, and this thread would
            // answer for that one.
            listener.withLock { listener in
                close(descriptor)
                listener = nil
            }
        }
    }

    private static func serve(_ client: CInt, _ seen: Locked<[String]>, _ answer: (_ index: Int, _ request: String) -> String?) {
        let request = readRequest(client)
        guard !request.isEmpty else {
            close(client)
            return
        }
        let index = seen.withLock { seen in
            seen.append(request)
            return seen.count - 1
        }
        guard let bytes = answer(index, request) else { return }
        _ = bytes.withCString { send(client, $0, strlen($0), CInt(MSG_NOSIGNAL)) }
        close(client)
    }

    deinit { listener.withLock { if let descriptor = $0 { shutdown(descriptor, CInt(SHUT_RDWR)) } } }

    var url: String { "http://127.0.0.1:\(port)" }
    /// Every request so far, head and body.
    var requests: [String] { seen.withLock { $0 } }

    private static func readRequest(_ client: CInt) -> String {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(client, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            bytes += buffer.prefix(count)
            let text = String(decoding: bytes, as: UTF8.self)
            guard let head = text.range(of: "\r\n\r\n") else { continue }
            let length = text[..<head.lowerBound].split(separator: "\r\n")
                .first { $0.lowercased().hasPrefix("content-length:") }
                .flatMap { Int($0.dropFirst("content-length:".count).trimmingCharacters(in: .whitespaces)) }
            if text[head.upperBound...].utf8.count >= length ?? 0 { break }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A whole answer.
    static func answer(_ status: String, type: String = "application/json", _ body: String, headers: String = "") -> String {
        "HTTP/1.1 \(status)\r\nContent-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\(headers)\r\n\(body)"
    }

    /// The beginning of an event stream, or all of it.
    static func stream(_ events: [RunEvent], isComplete: Bool) -> String {
        let body = events.map { "id: \($0.sequence)\nevent: \($0.name)\ndata: \($0.data.encoded)\n\n" }.joined()
        let chunk = body.isEmpty ? "" : "\(String(body.utf8.count, radix: 16))\r\n\(body)\r\n"
        return "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk
            + (isComplete ? "0\r\n\r\n" : "")
    }
}
