/// Where a gateway is to listen: `127.0.0.1:8787`, `[::1]:8787`, `localhost:8787`.
struct ListenAddress: Hashable, CustomStringConvertible {
    let host: String
    let port: Int

    /// Parses `HOST:PORT`; port 0 takes a free one.
    init?(parsing text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]), (0...65_535).contains(port) else {
            return nil
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty, !host.contains(where: \.isWhitespace) else { return nil }
        self.host = String(host)
        self.port = port
    }

    /// Only this machine can reach it.
    var isLoopback: Bool {
        let host = host.lowercased()
        if host == "localhost" || host == "::1" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }

    /// The address in a URL, with the port that was really taken.
    func url(port: Int, scheme: String = "http") -> String { "\(scheme)://\(host.contains(":") ? "[\(host)]" : host):\(port)" }

    var description: String { (host.contains(":") ? "[\(host)]" : host) + ":\(port)" }
}
