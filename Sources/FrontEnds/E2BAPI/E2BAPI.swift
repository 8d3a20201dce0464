package import HTTPTypes
package import HummingbirdCore
package import NIOCore
package import SandstormEngine
package import SandstormServer

/// The dialect of E2B's SDKs: the control plane, and what each sandbox serves on its ports. Written to versions 2.40 to 2.63 of the Python SDK.
///
/// Where a request goes is ``E2BAddress``'s to say; each place has a folder.
package struct E2BAPI: FrontEnd {
    private let domain: String?
    private let control: ControlPlane
    private let envd: EnvdPlane
    private let interpreter: InterpreterPlane
    private let ports: PortPlane

    package init(engine: Engine, auth: AuthMode, server: GatewayServer, settings: E2BSettings = E2BSettings()) {
        let services = E2BServices(
            engine: engine, callers: CallerCheck(auth: auth, keyLifetime: server.configuration.keyLifetime), server: server,
            settings: settings, interpreters: InterpreterHost(engine: engine))
        domain = settings.domain
        control = ControlPlane(services)
        envd = EnvdPlane(services)
        ports = PortPlane(services)
        interpreter = InterpreterPlane(services, ports: ports)
    }

    /// What goes on beside requests; to run as long as the server does.
    package var upkeep: E2BUpkeep { control.upkeep }

    package func claims(_ head: HTTPRequest) -> Bool { E2BAddress(head, domain: domain) != nil }

    package func streamsBody(_ head: HTTPRequest) -> Bool {
        switch E2BAddress(head, domain: domain) {
        case .sandbox(_, E2BAddress.envdPort, let path, _): envd.streamsBody(path)
        case .sandbox: true
        case .control(let path): control.streamsBody(path)
        case .wrong, nil: false
        }
    }

    package func mayAnswerWithStream(_ head: HTTPRequest) -> Bool {
        if case .sandbox = E2BAddress(head, domain: domain) { true } else { false }
    }

    package func route(of head: HTTPRequest) -> String {
        switch E2BAddress(head, domain: domain) {
        case .control(let path): "/e2b" + control.route(path)
        case .sandbox(_, E2BAddress.envdPort, let path, _): "/e2b:envd" + envd.route(path)
        case .sandbox(_, E2BAddress.interpreterPort, _, _): "/e2b:interpreter"
        case .sandbox: "/e2b:port"
        case .wrong, nil: "/e2b:wrong"
        }
    }

    package func response(to problem: Problem, requestID: String) -> (head: HTTPResponse, bytes: ByteBuffer) { E2BError(problem).response }

    package func respond(to request: Request, context: APIContext) async throws -> Response {
        do {
            switch E2BAddress(request.head, domain: domain) {
            case .control(let path): return try await control.respond(to: request.at(path), context)
            case .sandbox(let name, let port, let path, let origin):
                let place = SandboxPlace(name: name, port: port, origin: origin)
                let request = request.at(path)
                return switch port {
                case E2BAddress.envdPort: try await envd.respond(to: request, place, context)
                case E2BAddress.interpreterPort: try await interpreter.respond(to: request, place, context)
                default: try await ports.respond(to: request, place, context)
                }
            case .wrong(let message): throw E2BError(.badRequest, message)
            case nil: throw E2BError(.notFound, "there is no such route")
            }
        } catch let error as E2BError {
            return Response(error)
        }
    }
}

/// The port of a sandbox that a request is for.
struct SandboxPlace: Sendable {
    /// As the client wrote it.
    let name: String
    let port: Int
    let origin: E2BAddress.Origin
}

extension Request {
    /// The same request for another path.
    fileprivate func at(_ path: String) -> Request {
        var head = head
        head.path = path
        return Request(head: head, body: body)
    }
}
