import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import SandstormEngine
import SandstormServer

/// `/metrics` in Prometheus' text format.
struct MetricsRoutes: Sendable {
    let engine: Engine
    let metrics: HTTPMetrics
    let connections: Connections

    func add(to router: Router<APIContext>) {
        router.on(.metrics, .get) { _, _ in
            let text = engine.metrics.prometheusText() + metrics.prometheusText(connections: connections.count)
            return Response(
                status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8", .cacheControl: "no-store"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
        }
    }
}
