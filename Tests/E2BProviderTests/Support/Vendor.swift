import NIOCore
import SandstormCore
import SandstormWire

@testable import E2BProvider

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The usual answers of a control plane and an envd, as far as every test needs them, under answers of the test's own.
enum Vendor {
    static let sandboxID = "i0123456789abcdefghij"

    static func described(_ id: String = sandboxID, state: String = "running", memory: Int = 512) -> String {
        #"{"templateID":"base","sandboxID":"\#(id)","clientID":"c","envdVersion":"0.6.13","envdAccessToken":"secret-token","trafficAccessToken":null,"domain":null,"state":"\#(state)","memoryMB":\#(memory),"cpuCount":2,"startedAt":"2026-11-20T10:00:00Z","endAt":"2026-11-20T11:00:00Z"}"#
    }

    /// What is answered where the test does not answer itself.
    static func usual(_ request: FaultRequest) -> [FaultStep] {
        switch (request.method, request.path.prefix { $0 != "?" }) {
        case ("POST", "/v2/sandboxes"): return FaultStep.answer(201, described())
        case ("DELETE", _): return FaultStep.nothing()
        case ("GET", "/sandboxes/\(sandboxID)"): return FaultStep.answer(200, described())
        case ("GET", "/v2/sandboxes"): return FaultStep.answer(200, "[]")
        case ("POST", "/process.Process/Start"):
            let said = request.lines.count > 1 && request.lines[1].contains("oom_kill") ? [Frames.stdout("kills 0\ntotal 480000\n")] : []
            let mark = request.mark.map { [Frames.stdout($0 + "+")] } ?? []
            return FaultStep.stream([Frames.start()] + mark + said + [Frames.exit(0), Frames.end])
        case ("POST", "/process.Process/SendSignal"): return FaultStep.answer(200, "{}")
        default: return FaultStep.answer(404, #"{"code":404,"message":"no such route"}"#)
        }
    }

    static func account(_ server: FaultServer, _ change: (inout E2BAccount) -> Void = { _ in }) -> E2BAccount {
        var account = E2BAccount(key: E2BKey("e2b_key"))
        account.apiURL = server.url
        account.sandboxURL = server.url
        // Requests that nobody answers are given up in a time that a test can wait for.
        account.patience = E2BPatience(
            control: .seconds(20), snapshot: .seconds(20), envd: .seconds(20), silence: .seconds(20), transfer: .seconds(20))
        change(&account)
        return account
    }

    static func provider(_ server: FaultServer, _ change: (inout E2BAccount) -> Void = { _ in }) throws -> E2BProvider {
        try E2BProvider(accounts: [account(server, change)]) { price }
    }

    static let price = PriceSchedule(perVCPUSecond: Rate(picodollars: 14_000_000), perGiBSecond: Rate(picodollars: 4_500_000))

    /// A spec that the ready template fits.
    static var spec: SandboxSpec {
        var spec = SandboxSpec()
        spec.memory = 512
        return spec
    }

    static func tag() -> SandboxTag { SandboxTag(gateway: .generate(), run: .generate(), attempt: .generate(), sandbox: .generate()) }

    static func create(_ provider: E2BProvider, _ spec: SandboxSpec = spec, tag: SandboxTag = tag()) async throws -> any Sandbox {
        guard let offer = provider.offers(for: spec).first else { throw ProviderError.unsupported(provider.refusal(of: spec) ?? "") }
        return try await provider.create(spec, on: offer, tag: tag)
    }

    /// A link to a sandbox that needs no create.
    static func link(_ server: FaultServer, _ change: (inout E2BAccount) -> Void = { _ in }) throws -> SandboxLink {
        let account = account(server, change)
        let plane = ControlPlane(account, client: try VendorClient())
        guard let access = SandboxAccess(json: try JSONValue(parsing: described())) else { throw ProviderError(.invalid, "no access") }
        return SandboxLink(access, plane: plane, aftercare: Aftercare(), lease: .distantFuture)
    }
}

/// What a process did, or how its events failed.
struct Transcript: Sendable {
    var output = ""
    var errors = ""
    var status: ExitStatus.Outcome?
    var failure: ProviderError?

    init(_ process: any SandboxProcess) async {
        var (out, err) = (ByteBuffer(), ByteBuffer())
        var iterator = process.events.makeAsyncIterator()
        do throws(ProviderError) {
            while let event = try await iterator.next(isolation: nil) {
                switch event {
                case .started: break
                case .stdout(let bytes): out.writeImmutableBuffer(bytes)
                case .stderr(let bytes): err.writeImmutableBuffer(bytes)
                case .exited(let status): self.status = status.outcome
                }
            }
        } catch {
            failure = error
        }
        output = String(buffer: out)
        errors = String(buffer: err)
    }
}

/// The ``ProviderError`` that `body` throws.
func failure<Value>(_ body: () async throws -> Value) async -> ProviderError? {
    do {
        _ = try await body()
        return nil
    } catch {
        return error as? ProviderError
    }
}
