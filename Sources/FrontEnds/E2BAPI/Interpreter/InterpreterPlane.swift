import HTTPTypes
import Hummingbird
import HummingbirdCore
import SandstormEngine
import SandstormServer

/// The code interpreter, on its port of each sandbox: started with the first request, then a server in the sandbox like any other.
struct InterpreterPlane: Sendable {
    private let access: EnvdAccess
    private let host: InterpreterHost
    private let gate: SandboxGate
    private let ports: PortPlane

    private static let accessToken = HTTPField.Name.known("X-Access-Token")

    init(_ services: E2BServices, ports: PortPlane) {
        access = EnvdAccess(engine: services.engine)
        host = services.interpreters
        gate = SandboxGate(engine: services.engine)
        self.ports = ports
    }

    func respond(to request: Request, _ place: SandboxPlace, _ context: APIContext) async throws -> Response {
        let sandbox = try await gate.open(place.name)
        try ports.admit(request, to: sandbox)
        // The SDK shows the token for code only, not for what it does with contexts.
        if request.uri.path == "/execute" { try access.check(request, sandbox) }
        try await host.ensureRunning(in: sandbox)
        var head = request.head
        head.headerFields[InterpreterPlane.accessToken] = nil
        return try await ports.respond(to: Request(head: head, body: request.body), place, sandbox, context)
    }
}
