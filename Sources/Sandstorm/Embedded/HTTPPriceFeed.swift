import AsyncHTTPClient
import NIOCore
import NIOHTTP1
package import SandstormEngine

/// Gets price feeds over HTTP, with a connection for each document: they are rare.
package struct HTTPPriceFeed: PriceFeedTransport {
    package init() {}

    package func get(
        _ url: String, limit: Int, timeout: Duration
    ) async throws(PriceSourceFailure) -> (body: [UInt8], signature: String?) {
        let answer: Result<(body: [UInt8], signature: String?), PriceSourceFailure>? = await withTaskGroup { group in
            group.addTask { await HTTPPriceFeed.answer(url, limit: limit, timeout: timeout) }
            group.addTask {
                try? await Task.sleep(for: timeout)
                return .failure(PriceSourceFailure(.unreachable, "no whole answer within \(timeout.display)"))
            }
            let first = await group.next()
            // The other one ends at once.
            group.cancelAll()
            return first
        }
        guard let answer else { throw PriceSourceFailure(.unreachable, "nobody asked") }
        return try answer.get()
    }

    private static func answer(
        _ url: String, limit: Int, timeout: Duration
    ) async -> Result<(body: [UInt8], signature: String?), PriceSourceFailure> {
        var configuration = HTTPClient.Configuration()
        // Over HTTP/2 a server that answers before it has read the request ends the whole process.
        configuration.httpVersion = .http1Only
        // Who signs a document names its place; a server that sends elsewhere is asked to be configured.
        configuration.redirectConfiguration = .disallow
        configuration.decompression = .disabled
        configuration.timeout = .init(connect: .nanoseconds(timeout.wholeMilliseconds * 1_000_000))
        configuration.connectionPool.retryConnectionEstablishment = false
        do {
            return try await HTTPClient.withHTTPClient(configuration: configuration) { client in
                var request = HTTPClientRequest(url: url)
                request.headers = ["accept": "application/json, */*", "accept-encoding": "identity", "user-agent": "sandstorm"]
                let response = try await client.execute(request, deadline: .distantFuture)
                return try await .success(read(response, limit: limit))
            }
        } catch let failure as PriceSourceFailure {
            return .failure(failure)
        } catch let error as HTTPClientError {
            return .failure(PriceSourceFailure(.unreachable, error.shortDescription))
        } catch {
            return .failure(PriceSourceFailure(.unreachable, "\(error)"))
        }
    }

    private static func read(_ response: HTTPClientResponse, limit: Int) async throws -> (body: [UInt8], signature: String?) {
        guard response.status == .ok else {
            if (300..<400).contains(response.status.code) {
                throw PriceSourceFailure(.redirected, "the server sends elsewhere (\(response.status.code)), which is not followed")
            }
            throw PriceSourceFailure(.unreachable, "the server answered \(response.status.code)")
        }
        let tooLarge = PriceSourceFailure(.tooLarge, "the answer is longer than \(limit) bytes")
        if let announced = response.headers.first(name: "content-length").flatMap({ Int($0) }), announced > limit { throw tooLarge }
        var body: [UInt8] = []
        for try await piece in response.body {
            guard body.count + piece.readableBytes <= limit else { throw tooLarge }
            body.append(contentsOf: piece.readableBytesView)
        }
        return (body, response.headers.first(name: "sandstorm-signature"))
    }
}
