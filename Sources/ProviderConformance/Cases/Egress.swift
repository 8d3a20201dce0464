import NIOCore
import SandstormCore
import Testing

extension ConformanceCase {
    /// Says `open` if a connection to a host comes about and something answers; with whatever the image has for that.
    private static func knock(_ host: String, _ port: Int) -> String {
        """
        if command -v python3 >/dev/null; then
          python3 -c '
        import socket
        try:
            s = socket.create_connection(("\(host)", \(port)), 5); s.settimeout(5)
            s.sendall(b"GET / HTTP/1.0\\r\\nHost: \(host)\\r\\n\\r\\n")
            print("open" if s.recv(1) else "closed")
        except OSError as e: print("closed", e)'
        elif command -v wget >/dev/null; then
          wget -q -T 5 -O /dev/null http://\(host):\(port)/ && echo open || echo closed
        elif command -v curl >/dev/null; then
          curl -s -m 5 -o /dev/null http://\(host):\(port)/ && echo open || echo closed
        elif command -v bash >/dev/null; then
          bash -c 'exec 3<>/dev/tcp/\(host)/\(port) && printf "GET / HTTP/1.0\\r\\n\\r\\n" >&3 && timeout 5 head -c 1 <&3 | grep -q . && echo open || echo closed'
        else echo no-tool; fi
        """
    }

    private static func reach(_ c: CaseContext, _ sandbox: any Sandbox, _ host: String) async throws -> Bool {
        let port = c.suite.hosts?.port ?? 80
        let result = try await c.shell(sandbox, knock(host, port), in: SandboxSpec.workspace)
        let word = result.stdout.split(whereSeparator: \.isWhitespace).first
        try c.require(word == "open" || word == "closed", "the image has nothing to try a connection with: \(result)")
        return word == "open"
    }

    private static func hosts(_ c: CaseContext) throws -> EgressHosts {
        try c.require(c.suite.hosts, "a network is declared: the suite must be given `hosts` to try it with")
    }

    static let egress: [ConformanceCase] = [
        ConformanceCase(.egress, "without a network nothing is reached") { c in
            let spec = c.spec { $0.network = .none }
            guard !c.provider.offers(for: spec).isEmpty else {
                // Who can't cut sandboxes off must say so, rather than leave them connected.
                c.expect(c.provider.refusal(of: spec)?.isEmpty == false, "no reason is given why there is no sandbox without a network")
                let offer = try c.offer(for: c.spec())
                await c.refusal("a create without a network", .unsupported) {
                    try await c.creating { provider in c.keep(try await provider.create(spec, on: offer, tag: c.tag())).id }
                }
                return
            }
            let sandbox = try await c.ownSandbox { $0.network = .none }
            for host in Set([c.suite.hosts?.allowed, c.suite.hosts?.other, "1.1.1.1"].compactMap(\.self)) {
                c.expect(try await reach(c, sandbox, host) == false, "\(host) was reached from a sandbox without a network")
            }
        },
        ConformanceCase(.egress, "without a network a sandbox still reaches itself", needs: [.language(.python)]) { c in
            let sandbox = try await c.ownSandbox { $0.network = .none }
            let line = """
                python3 -c '
                import socket
                l = socket.create_server(("127.0.0.1", 0)); s = socket.create_connection(l.getsockname()); a, _ = l.accept()
                a.sendall(b"self"); print(s.recv(4).decode())'
                """
            c.expect("what came through", try await c.shell(sandbox, line, in: SandboxSpec.workspace).stdout, is: "self\n")
        },
        ConformanceCase(.egress, "an open network reaches the world", needs: [.openNetwork]) { c in
            let hosts = try hosts(c)
            let sandbox = try await c.ownSandbox { $0.network = .open }
            c.expect(try await reach(c, sandbox, hosts.allowed), "\(hosts.allowed) was not reached")
        },
        ConformanceCase(.egress, "an allow-list lets through what is on it, and nothing else", needs: [.networkAllowList]) { c in
            let hosts = try hosts(c)
            let sandbox = try await c.ownSandbox { $0.network = .allow([hosts.allowed]) }
            c.expect(try await reach(c, sandbox, hosts.allowed), "\(hosts.allowed) is on the list, and was not reached")
            c.expect(try await reach(c, sandbox, hosts.other) == false, "\(hosts.other) is not on the list, and was reached")
        },
    ]
}
