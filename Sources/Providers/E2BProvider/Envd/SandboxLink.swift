import NIOCore
import NIOHTTP1
import SandstormCore
import SandstormWire

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The way into one sandbox: its address and tokens, and calls to envd and the control plane about it.
///
/// All objects of a sandbox share one link, so that what one of them learns (it is gone, it is paused, its token has changed) all know.
final class SandboxLink: Sendable {
    private struct State {
        var access: SandboxAccess
        var isPaused = false
        /// A kill is under way, or was.
        var isDying = false
        var isGone = false
        var lease: Date
        /// How often the kernel inside had killed for lack of memory when that was last looked at.
        var memoryKills: Int?
    }

    let plane: ControlPlane
    let aftercare: Aftercare
    private let state: Locked<State>
    /// Opens when the sandbox is known to have ended.
    let end = Latch()
    /// The names of users by number, as far as they were asked for.
    let userNames = Locked<[String: String]>([:])

    private static let port = 49_983

    init(_ access: SandboxAccess, plane: ControlPlane, aftercare: Aftercare, lease: Date) {
        self.plane = plane
        self.aftercare = aftercare
        state = Locked(State(access: access, lease: lease))
    }

    var account: E2BAccount { plane.account }
    var patience: E2BPatience { plane.account.patience }
    var id: String { state.withLock(\.access.id) }
    var access: SandboxAccess { state.withLock(\.access) }
    var isGone: Bool { state.withLock(\.isGone) }
    /// Whatever ends now may have ended because the sandbox does.
    var isDying: Bool { state.withLock { $0.isDying || $0.isGone } }
    var isPaused: Bool { state.withLock(\.isPaused) }
    var lease: Date {
        get { state.withLock(\.lease) }
        set { state.withLock { $0.lease = newValue } }
    }
    var memoryKills: Int? {
        get { state.withLock(\.memoryKills) }
        set { state.withLock { $0.memoryKills = newValue } }
    }

    func setPaused(_ isPaused: Bool) { state.withLock { $0.isPaused = isPaused } }
    func setDying(_ isDying: Bool) { state.withLock { $0.isDying = isDying } }

    func setGone() {
        state.withLock { $0.isGone = true }
        end.open()
    }

    /// Takes what the control plane says now; what it leaves out stays as it was.
    func update(_ access: SandboxAccess) {
        state.withLock { state in
            var access = access
            access.token = access.token ?? state.access.token
            access.trafficToken = access.trafficToken ?? state.access.trafficToken
            access.domain = access.domain ?? state.access.domain
            access.memoryMiB = access.memoryMiB ?? state.access.memoryMiB
            state.access = access
        }
    }

    /// - Throws: ``ProviderError``: `notFound` for a sandbox that is known to be gone.
    func checkIsThere() throws(ProviderError) {
        if isGone { throw ProviderError(.notFound, "the sandbox is gone") }
    }

    // MARK: Addresses

    /// Where a port is: the URL without a last slash, and the fields that every request to it needs.
    func entry(port: Int) -> (url: String, headers: [(String, String)]) {
        let access = access
        if let shared = account.sandboxURL {
            let address = HostAddress(E2BAccount.base(shared))
            let host = address.host.map { [("host", $0)] } ?? []
            return (address.url, host + [("e2b-sandbox-id", access.id), ("e2b-sandbox-port", String(port))])
        }
        let address = HostAddress(hostURL(port: port))
        return (address.url, address.host.map { [("host", $0)] } ?? [])
    }

    /// The address of a port by a host name of its own.
    func hostURL(port: Int) -> String {
        let access = access
        return "https://\(port)-\(access.id).\(SandboxLink.domain(said: access.domain, known: account.domain))"
    }

    /// What the control plane says counts, but it does not say at which port it is reached from here.
    static func domain(said: String?, known: String) -> String {
        guard let said, said != known.prefix(while: { $0 != ":" }) else { return known }
        return said
    }

    /// A request to envd, as `user` or as the usual one.
    func request(
        _ method: HTTPMethod, _ path: String, as user: String? = nil, headers: [(String, String)] = [], body: VendorRequest.Body = .none
    ) -> VendorRequest {
        let entry = entry(port: SandboxLink.port)
        var request = VendorRequest(
            method, entry.url + path, headers: HTTPHeaders(entry.headers + [("user-agent", "sandstorm")] + headers), body: body)
        if let token = access.token { request.headers.add(name: "x-access-token", value: token) }
        if let user = user ?? (access.version < .defaultUser ? SandboxLink.usualUser : nil) {
            request.headers.add(name: "authorization", value: "Basic \(Data("\(user):".utf8).base64EncodedString())")
        }
        return request
    }

    /// The usual user of the vendor's templates.
    static let usualUser = "user"

    // MARK: Calls

    /// A unary call of Connect.
    func call(
        _ method: String, _ message: JSONValue, as user: String? = nil, within limit: Duration? = nil
    ) async throws(EnvdFailure) -> JSONValue {
        let body = ByteBuffer(bytes: message.encodedBytes)
        let answer = try await fresh { () async throws(EnvdFailure) in
            let request = self.request(
                .POST, "/\(method)", as: user,
                headers: [
                    ("content-type", ConnectProtocol.unaryContentType), (ConnectProtocol.versionHeader, ConnectProtocol.version),
                    ("accept-encoding", "identity"),
                ], body: .bytes(body))
            return try await self.answer(to: request, within: limit ?? self.patience.envd)
        }
        guard ConnectProtocol.isContentType(answer.headers.first(name: "content-type") ?? "", ConnectProtocol.unaryContentType),
            let json = answer.json
        else { throw .garbage("a unary answer that is not JSON") }
        return json
    }

    /// A call of Connect that is answered by a stream.
    func stream(_ method: String, _ message: JSONValue, as user: String? = nil) async throws(EnvdFailure) -> ConnectMessages {
        let frame = ConnectFrame(message).encoded
        return try await fresh { () async throws(EnvdFailure) in
            let request = self.request(
                .POST, "/\(method)", as: user,
                headers: [
                    ("content-type", ConnectProtocol.streamContentType), (ConnectProtocol.versionHeader, ConnectProtocol.version),
                    ("accept-encoding", "identity"), ("keepalive-ping-interval", "50"),
                ], body: .bytes(frame))
            let stream: VendorStream
            do throws(VendorFailure) {
                stream = try await self.plane.client.open(request, within: self.patience.envd)
            } catch {
                throw .transport(error)
            }
            guard stream.status == 200 else { throw await SandboxLink.failure(stream) }
            guard ConnectProtocol.isContentType(stream.headers.first(name: "content-type") ?? "", ConnectProtocol.streamContentType) else {
                throw .garbage("a stream's answer of another content type")
            }
            return ConnectMessages(stream)
        }
    }

    /// A plain request, whose answer is taken whole.
    func rest(
        _ request: @Sendable () -> VendorRequest, within limit: Duration? = nil
    ) async throws(EnvdFailure) -> VendorAnswer {
        try await fresh { () async throws(EnvdFailure) in try await self.answer(to: request(), within: limit ?? self.patience.envd) }
    }

    /// A plain request, whose answer is read as it comes.
    func open(_ request: @Sendable () -> VendorRequest) async throws(EnvdFailure) -> VendorStream {
        try await fresh { () async throws(EnvdFailure) in
            let stream: VendorStream
            do throws(VendorFailure) {
                stream = try await self.plane.client.open(request(), within: self.patience.envd)
            } catch {
                throw .transport(error)
            }
            guard (200..<300).contains(stream.status) else { throw await SandboxLink.failure(stream) }
            return stream
        }
    }

    private func answer(to request: VendorRequest, within limit: Duration) async throws(EnvdFailure) -> VendorAnswer {
        let answer: VendorAnswer
        do throws(VendorFailure) { answer = try await plane.client.answer(to: request, within: limit) } catch { throw .transport(error) }
        guard (200..<300).contains(answer.status) else { throw EnvdFailure(answer) }
        return answer
    }

    private static func failure(_ stream: VendorStream) async -> EnvdFailure {
        let body = (try? await stream.collect(upTo: 64 << 10, within: .seconds(5))) ?? ByteBuffer()
        return EnvdFailure(VendorAnswer(status: stream.status, headers: stream.headers, body: body))
    }

    /// Does it once more with the sandbox's new token if that has changed, as a resume by another gateway may change it.
    private func fresh<Value>(_ body: () async throws(EnvdFailure) -> Value) async throws(EnvdFailure) -> Value {
        let token = access.token
        do throws(EnvdFailure) {
            return try await body()
        } catch {
            guard case .staleToken = error, let (access, isPaused) = try? await plane.detail(id), access.token != token else { throw error }
            update(access)
            setPaused(isPaused)
        }
        return try await body()
    }

    // MARK: How it is

    /// How a sandbox is that did not do what it was asked.
    enum Presence: Sendable {
        case running, paused, gone
        /// The control plane does not say.
        case unknown
    }

    /// Asks the control plane, unless it is known.
    func presence() async -> Presence {
        if isDying { return .gone }
        do throws(ProviderError) {
            let (access, isPaused) = try await plane.detail(id)
            update(access)
            setPaused(isPaused)
            return isPaused ? .paused : .running
        } catch {
            guard error.code == .notFound else { return isDying ? .gone : .unknown }
            setGone()
            return .gone
        }
    }

    /// What a failed call means for its caller.
    ///
    /// - Parameter hasBegun: something was under way that is lost with the sandbox, such as a transfer.
    func error(_ failure: EnvdFailure, hasBegun: Bool = false) async -> ProviderError {
        guard failure.mayMeanAbsence else { return failure.error }
        switch await presence() {
        case .gone:
            if case .absent = failure, !hasBegun { return ProviderError(.notFound, "the sandbox is gone") }
            return hasBegun
                ? ProviderError(.interrupted, "the sandbox was killed", afterStart: true) : ProviderError(.notFound, "the sandbox is gone")
        case .paused: return ProviderError(.invalid, "the sandbox is paused")
        case .running, .unknown:
            // The proxy does not know it, the control plane does: on its way there.
            if case .absent(let answer) = failure {
                return ProviderError(.unavailable, "the sandbox can't be reached", vendorStatus: answer.status)
            }
            return failure.error
        }
    }
}
