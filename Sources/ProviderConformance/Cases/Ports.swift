import NIOCore
import SandstormCore
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension ConformanceCase {
    private static let needs: [ConformanceNeed] = [.ports, .language(.python)]

    private static func fetch(_ c: CaseContext) throws -> ProviderConformance.Fetch {
        try c.require(c.suite.fetch, "ports are declared: the suite must be given a `fetch` to reach them with")
    }

    /// Starts a web server that serves its working directory.
    private static func serve(_ c: CaseContext, _ sandbox: any Sandbox, port: Int, _ content: String) async throws -> any SandboxProcess {
        _ = try await c.shell(sandbox, "mkdir -p www\(port); echo \(content) > www\(port)/hello", in: SandboxSpec.workspace)
        return try await sandbox.start(
            Command(
                ["python3", "-m", "http.server", "\(port)"], environment: ["PATH": "/usr/local/bin:/usr/bin:/bin"],
                workingDirectory: "\(SandboxSpec.workspace)/www\(port)"))
    }

    private static func get(_ c: CaseContext, _ endpoint: SandboxEndpoint, _ path: String) async throws -> (status: Int, body: String)? {
        let fetch = try fetch(c)
        // Nobody may be listening yet.
        return try? await fetch(endpoint.url.appending(path: path), endpoint.headers)
    }

    static let ports: [ConformanceCase] = [
        ConformanceCase(.ports, "an address is made before anybody listens", needs: [.ports]) { c in
            let sandbox = try await c.ownSandbox()
            let endpoint = try await sandbox.endpoint(port: 8080)
            c.expect(
                ["http", "https", "http+unix"].contains(endpoint.url.scheme ?? ""), "its scheme is \(endpoint.url.scheme ?? "missing")")
            c.expect("the address when asked again", try await sandbox.endpoint(port: 8080).url, is: endpoint.url)
            // One URL may lead to both, by header fields.
            c.expect(try await sandbox.endpoint(port: 8081) != endpoint, "two ports have the same address")
        },
        ConformanceCase(.ports, "a server inside is reached", needs: needs) { c in
            let sandbox = try await c.ownSandbox()
            let endpoint = try await sandbox.endpoint(port: 8080)
            let server = try await serve(c, sandbox, port: 8080, "from inside")
            try await c.eventually("the server was not reached at \(endpoint.url)") {
                try await get(c, endpoint, "hello")?.body == "from inside\n"
            }
            c.expect("the status of what is missing", try await get(c, endpoint, "missing")?.status, is: 404)
            try await server.signal(.kill)
        },
        ConformanceCase(.ports, "two ports and two sandboxes are kept apart", needs: needs) { c in
            let (one, other) = (try await c.ownSandbox(), try await c.ownSandbox())
            for (sandbox, port, text) in [(one, 8080, "one-a"), (one, 8081, "one-b"), (other, 8080, "other-a")] {
                _ = try await serve(c, sandbox, port: port, text)
                let endpoint = try await sandbox.endpoint(port: port)
                // A proxy answers for whom nobody listens yet.
                try await c.eventually("the server of \(text) was not reached") { try await get(c, endpoint, "hello")?.status == 200 }
            }
            c.expect("the first one's second port", try await get(c, try await one.endpoint(port: 8081), "hello")?.body, is: "one-b\n")
            c.expect("the first one's first port", try await get(c, try await one.endpoint(port: 8080), "hello")?.body, is: "one-a\n")
            c.expect("the other's port", try await get(c, try await other.endpoint(port: 8080), "hello")?.body, is: "other-a\n")
        },
        ConformanceCase(.ports, "a killed sandbox is not reached any more", needs: needs) { c in
            let sandbox = try await c.ownSandbox()
            let endpoint = try await sandbox.endpoint(port: 8080)
            _ = try await serve(c, sandbox, port: 8080, "from inside")
            try await c.eventually("the server was not reached") { try await get(c, endpoint, "hello")?.status == 200 }
            try await sandbox.kill()
            try await c.eventually("it still answers") { try await get(c, endpoint, "hello")?.status != 200 }
            await c.refusal("asking for an address", .notFound, .interrupted) { try await sandbox.endpoint(port: 8080).url }
        },
    ]
}
