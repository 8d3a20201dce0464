import HTTPTypes
import Hummingbird
import HummingbirdCore
import SandstormCore
import SandstormEngine
import SandstormServer

/// Every other port of a sandbox: whatever listens there, HTTP and WebSockets.
struct PortPlane: Sendable {
    private let services: E2BServices
    private let gate: SandboxGate

    private static let trafficToken = HTTPField.Name.known("E2b-Traffic-Access-Token")
    /// What is for the gateway and not for the server inside.
    private static let ownFields = ["E2b-Sandbox-Id", "E2b-Sandbox-Port", "E2b-Traffic-Access-Token"].compactMap { HTTPField.Name($0) }

    init(_ services: E2BServices) {
        self.services = services
        gate = SandboxGate(engine: services.engine)
    }

    func respond(to request: Request, _ place: SandboxPlace, _ context: APIContext) async throws -> Response {
        try await respond(to: request, place, try await gate.open(place.name), context)
    }

    /// Refuses requests without the sandbox's token, where it asks for that.
    func admit(_ request: Request, to sandbox: OpenSandbox) throws(E2BError) {
        guard !sandbox.note.allowsPublicTraffic else { return }
        guard services.engine.isToken(request.headers[PortPlane.trafficToken] ?? "", of: sandbox.id, for: E2BToken.traffic) else {
            throw E2BError(.forbidden, "Traffic to this sandbox needs its token; send E2b-Traffic-Access-Token")
        }
    }

    /// The same for a sandbox that was found.
    func respond(
        to request: Request, _ place: SandboxPlace, _ sandbox: OpenSandbox, _ context: APIContext
    ) async throws -> Response {
        try admit(request, to: sandbox)
        var head = request.head
        for field in PortPlane.ownFields { head.headerFields[field] = nil }
        let host = sandbox.note.maskRequestHost?.replacing("${PORT}", with: String(place.port))
        // Below a host that others share, pages must not pass for the gateway's own.
        let prefix = place.origin == .ownHost ? "" : E2BAddress.prefix
        do {
            let endpoint = try await services.engine.endpoint(of: sandbox.id, port: place.port, for: sandbox.principal)
            return try await services.server.ports.pass(
                Request(head: head, body: request.body), from: context.channel,
                to: .init(endpoint: endpoint, port: place.port, path: head.path ?? "/", prefix: prefix, host: host))
        } catch let problem as Problem where problem.kind == .portUnreachable {
            throw E2BError.portNotOpen(place.port, place.name)
        } catch let error as EngineError {
            throw SandboxGate.error(error, place.name)
        }
    }
}
