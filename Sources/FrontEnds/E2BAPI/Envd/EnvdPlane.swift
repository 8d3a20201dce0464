import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import SandstormCore
import SandstormEngine
import SandstormServer
import SandstormWire

/// What envd is to the vendor: processes and files inside one sandbox, on its port 49983.
struct EnvdPlane: Sendable {
    /// The longest body that is read at once and is no message.
    private static let longestBody = 1024 * 1024

    private let services: E2BServices
    private let gate: SandboxGate
    private let access: EnvdAccess
    private let processes: ProcessService
    private let filesystem: FilesystemService

    init(_ services: E2BServices) {
        self.services = services
        let engine = services.engine
        gate = SandboxGate(engine: engine)
        access = EnvdAccess(engine: engine)
        processes = ProcessService(engine: engine)
        filesystem = FilesystemService(engine: engine, watchers: Watchers())
    }

    /// The template of the route, for metrics.
    func route(_ path: String) -> String { EnvdRoute(path)?.rawValue ?? "/other" }

    /// Whether bodies pass through as they come.
    func streamsBody(_ path: String) -> Bool { EnvdRoute(path)?.streamsBody ?? false }

    func respond(to request: Request, _ place: SandboxPlace, _ context: APIContext) async throws -> Response {
        let path = request.uri.path
        guard let route = EnvdRoute(path) else {
            guard EnvdRoute.isUnknownProcedure(path) else {
                throw E2BError(.notFound, "there is no route \(request.method) \(path) in a sandbox")
            }
            let error = ConnectError(.unimplemented, "there is no procedure \(path)")
            let bytes = ByteBuffer(bytes: error.json.encodedBytes)
            return Response(
                status: .notImplemented, headers: [.contentType: ConnectProtocol.unaryContentType], body: ResponseBody(byteBuffer: bytes))
        }
        guard route.methods.contains(request.method) else {
            let allowed = route.methods.map(\.rawValue).joined(separator: ", ")
            throw E2BError(.methodNotAllowed, "\(route.rawValue) takes \(allowed)", headers: [.allow: allowed])
        }
        let sandbox = try await gate.open(place.name)
        let client = services.server.connections.client(of: context.channel, patience: services.server.configuration.drainTime)
        switch route {
        case .health: return Response(status: .noContent)
        case .files, .compose, .metrics, .environment:
            do {
                return try await respond(to: request, route, sandbox, client, requestID: context.requestID)
            } catch {
                throw EnvdFailure.ofRoute(error, in: sandbox)
            }
        default:
            try access.check(request, sandbox)
            let call = ConnectCall(
                request: request, sandbox: sandbox, client: client, requestID: context.requestID,
                limit: services.server.configuration.maximumBodyBytes)
            return try await answer(call, route)
        }
    }

    // MARK: Procedures

    private func answer(_ call: ConnectCall, _ route: EnvdRoute) async throws -> Response {
        let (processes, filesystem, sandbox) = (processes, filesystem, call.sandbox)
        switch route {
        case .start: return try await call.stream(keepalive: ProcessMessages.keepalive) { try await processes.start($0, $1, call) }
        case .connect: return try await call.stream(keepalive: ProcessMessages.keepalive) { try await processes.connect($0, $1, call) }
        case .listProcesses: return try await call.unary { _ in try await processes.list(in: sandbox) }
        case .sendInput: return try await call.unary { try await processes.sendInput($0, in: sandbox) }
        case .streamInput: return try await call.collecting(processes.inputStream(in: sandbox))
        case .sendSignal: return try await call.unary { try await processes.sendSignal($0, in: sandbox) }
        case .closeStdin: return try await call.unary { try await processes.closeInput($0, in: sandbox) }
        case .update: return try await call.unary { try await processes.update($0, in: sandbox) }
        case .stat: return try await call.unary { try await filesystem.stat($0, call) }
        case .makeDir: return try await call.unary { try await filesystem.makeDirectory($0, call) }
        case .move: return try await call.unary { try await filesystem.move($0, call) }
        case .listDir: return try await call.unary { try await filesystem.list($0, call) }
        case .remove: return try await call.unary { try await filesystem.remove($0, call) }
        case .watchDir:
            return try await call.stream(keepalive: FilesystemService.keepalive) { try await filesystem.watchDirectory($0, $1, call) }
        case .createWatcher: return try await call.unary { try await filesystem.createWatcher($0, call) }
        case .getWatcherEvents: return try await call.unary { try filesystem.watcherEvents($0, call) }
        case .removeWatcher: return try await call.unary { try await filesystem.removeWatcher($0, call) }
        case .health, .files, .compose, .metrics, .environment: preconditionFailure("\(route.rawValue) is no procedure")
        }
    }

    // MARK: Other routes

    private func respond(
        to request: Request, _ route: EnvdRoute, _ sandbox: OpenSandbox, _ client: ClientPresence, requestID: String
    ) async throws -> Response {
        let engine = services.engine
        switch route {
        case .files:
            let query = try FileQuery(request)
            try access.check(request, sandbox, for: request.method == .post ? .write : .read, query)
            let user = try await EnvdUser(named: query.user, in: sandbox, engine)
            let files = try await engine.files(of: sandbox.id, as: user.engineName, for: sandbox.principal)
            guard request.method == .post else {
                return try await FileDownload(
                    request: request, path: user.path(query.path ?? ""), files: files, client: client, requestID: requestID,
                    interval: services.server.configuration.heartbeatInterval
                ).response()
            }
            return try await FileUpload(
                request: request, query: query, user: user, sandbox: sandbox, files: files, client: client, engine: engine
            ).response()
        case .compose:
            try access.check(request, sandbox)
            let body = try ProtobufJSON(try await JSONBody.read(request, limit: EnvdPlane.longestBody))
            let user = try await EnvdUser(named: try body.string("username"), in: sandbox, engine)
            let files = try await engine.files(of: sandbox.id, as: user.engineName, for: sandbox.principal)
            return try await client.whilePresent { .e2b(try await FileComposition(user: user, files: files).compose(body)) }
        case .metrics:
            try access.check(request, sandbox)
            return try await client.whilePresent { .e2b(try await SandboxMetrics(of: sandbox, engine).json) }
        default:
            try access.check(request, sandbox)
            return .e2b(sandbox.info.spec.environment.merging(sandbox.note.environment) { $1 }.json)
        }
    }
}

extension Response {
    /// A success with JSON.
    fileprivate static func e2b(_ json: JSONValue) -> Response {
        let bytes = ByteBuffer(bytes: json.encodedBytes)
        return Response(
            status: .ok, headers: [.contentType: "application/json", .contentLength: String(bytes.readableBytes)],
            body: ResponseBody(byteBuffer: bytes))
    }
}
