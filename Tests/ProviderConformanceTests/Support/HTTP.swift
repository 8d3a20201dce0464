import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import ProviderConformance

/// How the tests reach what listens in sandboxes.
enum HTTP {
    /// Lives as long as the process.
    private static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration()
        configuration.httpVersion = .http1Only
        // Nobody listens yet, or any more: that is an answer too.
        configuration.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()

    static let fetch: ProviderConformance.Fetch = { url, headers in
        var request = HTTPClientRequest(url: url.absoluteString)
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        let response = try await client.execute(request, timeout: .seconds(10))
        return (Int(response.status.code), String(buffer: try await response.body.collect(upTo: 1 << 20)))
    }
}
