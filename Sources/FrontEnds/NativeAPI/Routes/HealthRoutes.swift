import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import SandstormCore
import SandstormEngine
import SandstormServer

/// `/healthz` and `/readyz`: whether the process serves, and whether it can take runs.
struct HealthRoutes: Sendable {
    let engine: Engine

    /// Made once: probes come often, and this answer depends on nothing.
    private static let alive = ByteBuffer(bytes: JSONValue.object(["status": "ok"]).encodedBytes)

    func add(to router: Router<APIContext>) {
        router.on(.health, .get) { _, _ in
            Response(
                status: .ok, headers: [.contentType: OfferedType.json.rawValue, .cacheControl: "no-store"],
                body: ResponseBody(byteBuffer: HealthRoutes.alive))
        }
        router.on(.readiness, .get) { _, _ in
            let (isReady, detail) = await engine.readiness()
            guard isReady else { throw Problem(.notReady, detail) }
            return .json(["status": "ready", "detail": .string(detail)])
        }
    }
}
