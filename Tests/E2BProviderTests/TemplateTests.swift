import SandstormCore
import SandstormTestSupport
import SandstormWire
import Testing

@testable import E2BProvider

@Suite("Templates made to measure") struct TemplateTests {
    /// A control plane that knows no template but those that were built.
    private final class Builder: Sendable {
        let isBuilt = Locked(false)
        let polls = Locked(0)
        let outcome: String

        init(outcome: String = "ready") { self.outcome = outcome }

        func answer(_ request: FaultRequest) -> [FaultStep] {
            let path = String(request.path.prefix { $0 != "?" })
            switch (request.method, path) {
            case ("GET", _) where path.hasPrefix("/templates/aliases/"):
                return isBuilt.withLock(\.self)
                    ? FaultStep.answer(200, #"{"templateID":"t1","public":false}"#) : FaultStep.answer(404, #"{"code":404,"message":"no"}"#)
            case ("GET", "/templates/t1"):
                return FaultStep.answer(
                    200, #"{"templateID":"t1","builds":[{"buildID":"b1","status":"ready","cpuCount":1,"memoryMB":1024}]}"#)
            case ("POST", "/v3/templates"):
                return FaultStep.answer(202, #"{"templateID":"t1","buildID":"b1","public":false,"names":[],"tags":[],"aliases":[]}"#)
            case ("POST", "/v2/templates/t1/builds/b1"): return FaultStep.nothing(202)
            case ("GET", "/templates/t1/builds/b1/status"):
                let number = polls.withLock { polls in
                    polls += 1
                    return polls
                }
                if number < 3 { return FaultStep.answer(200, #"{"status":"building","logs":[],"logEntries":[]}"#) }
                isBuilt.withLock { $0 = outcome == "ready" }
                return FaultStep.answer(200, #"{"status":"\#(outcome)","reason":{"message":"no such image"}}"#)
            default: return Vendor.usual(request)
            }
        }
    }

    private static var spec: SandboxSpec { SandboxSpec() }

    @Test("are built once, however many ask at once, and found again by the next gateway")
    func once() async throws {
        let builder = Builder()
        try await FaultServer.run {
            builder.answer($0)
        } _: { server in
            let provider = try Vendor.provider(server)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<12 { group.addTask { _ = try await Vendor.create(provider, Self.spec) } }
                try await group.waitForAll()
            }
            #expect(server.requests("POST", "/v3/templates").count == 1)
            #expect(server.requests("POST", "/v2/sandboxes").allSatisfy { $0.json?["templateID"] == "t1" })
            let asked = try #require(server.requests("POST", "/v3/templates").first?.json)
            #expect(asked["cpuCount"] == 1 && asked["memoryMB"] == 1024 && asked["name"]?.stringValue?.hasPrefix("sandstorm-") == true)
            #expect(server.requests("POST", "/v2/templates/t1/builds/b1").first?.json?["fromTemplate"] == "base")
            _ = try await Vendor.create(try Vendor.provider(server), Self.spec)
            #expect(server.requests("POST", "/v3/templates").count == 1)
        }
    }

    @Test(
        "that can't be built are the image's fault if it was named, and ours if not",
        arguments: [(Optional("team/none:0"), ProviderError.Code.invalid), (String?.none, .unsupported)])
    func failed(image: String?, code: ProviderError.Code) async throws {
        let builder = Builder(outcome: "error")
        try await FaultServer.run {
            builder.answer($0)
        } _: { server in
            var spec = Self.spec
            spec.image = image
            let error = await failure { try await Vendor.create(try Vendor.provider(server), spec) }
            #expect(error?.code == code && error?.mayHaveTakenEffect == false)
            let body = try #require(server.requests("POST", "/v2/templates/t1/builds/b1").first?.json)
            #expect(image == nil ? body["fromTemplate"] == "base" : body["fromImage"]?.stringValue == image)
            #expect(server.requests("POST", "/v2/sandboxes").isEmpty)
        }
    }

    @Test("that were removed behind our back are built anew by the next attempt")
    func removed() async throws {
        let builder = Builder()
        let isGone = Locked(false)
        try await FaultServer.run { request in
            if request.path == "/v2/sandboxes", isGone.withLock(\.self) {
                return FaultStep.answer(404, #"{"code":404,"message":"template not found"}"#)
            }
            return builder.answer(request)
        } _: { server in
            let provider = try Vendor.provider(server)
            _ = try await Vendor.create(provider, Self.spec)
            isGone.withLock { $0 = true }
            builder.isBuilt.withLock { $0 = false }
            #expect(await failure { try await Vendor.create(provider, Self.spec) }?.code == .unsupported)
            isGone.withLock { $0 = false }
            _ = try await Vendor.create(provider, Self.spec)
            #expect(server.requests("POST", "/v3/templates").count == 2)
        }
    }

    @Test("have names that say all that they are made of")
    func names() {
        let plan = TemplatePlan(source: .sized("base"), milliCPU: 1000, memoryMiB: 1024)
        var other = plan
        #expect(plan.name == other.name)
        other.memoryMiB = 1026
        #expect(plan.name != other.name)
        other = TemplatePlan(source: .image("base"), milliCPU: 1000, memoryMiB: 1024)
        #expect(plan.name != other.name)
    }

    @Test("whoever goes away while one is built leaves the build to the next")
    func cancelled() async throws {
        let builder = Builder()
        try await FaultServer.run {
            builder.answer($0)
        } _: { server in
            let provider = try Vendor.provider(server)
            let creating = Task { try await Vendor.create(provider, Self.spec) }
            #expect(await eventually { !server.requests("POST", "/v3/templates").isEmpty })
            creating.cancel()
            let error = await failure { try await creating.value }
            #expect(error?.code == .interrupted)
            _ = try await Vendor.create(provider, Self.spec)
            #expect(server.requests("POST", "/v3/templates").count == 1)
        }
    }
}
