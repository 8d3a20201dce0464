import HTTPTypes
import Hummingbird
import HummingbirdCore
import SandstormCore
import SandstormEngine
import SandstormServer

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What sandboxes use and used.
struct MetricRoutes: Sendable {
    private static let maximumSandboxes = 100

    let engine: Engine
    let sampler: UsageSampler

    func add(to routes: RouterGroup<CallerContext>) {
        routes.get("/sandboxes/metrics", use: many)
        routes.get("/sandboxes/:sandboxID/metrics", use: one)
    }

    private func one(_ request: Request, _ context: CallerContext) async throws -> Response {
        let parameters = try ControlQuery(request)
        let start = try parameters.seconds("start")
        let end = try parameters.seconds("end")
        if let start, let end, start > end { throw E2BError(.badRequest, "Parameter start must not be after end") }
        let info = try await engine.present(try context.sandboxID, for: context.principal)
        guard engine.capabilities(of: info.provider)?.usage == true else {
            throw E2BError(.badRequest, "What sandboxes use is not measured where this one is (\(info.provider))")
        }
        if end.map({ $0 > Date() }) ?? true { try await refresh(info) }
        let samples = sampler.history.samples(of: info.id).filter { sample in
            // Clients ask in whole seconds.
            (start.map { sample.time >= $0 } ?? true) && (end.map { sample.time < $0.addingTimeInterval(1) } ?? true)
        }
        return .control(.array(samples.map { MetricRoutes.json($0, info) }))
    }

    private func many(_ request: Request, _ context: CallerContext) async throws -> Response {
        let names = try ControlQuery(request).list("sandbox_ids")
        guard !names.isEmpty else { throw E2BError(.badRequest, "Parameter sandbox_ids is missing") }
        guard names.count <= MetricRoutes.maximumSandboxes else {
            throw E2BError(.badRequest, "Too many sandboxes requested, maximum is \(MetricRoutes.maximumSandboxes)")
        }
        var object = JSONObject()
        for name in names {
            guard let id = E2BSandboxID.parse(name), let info = try? await engine.present(id, for: context.principal) else { continue }
            try? await refresh(info)
            object[name] = sampler.history.samples(of: id).last.map { MetricRoutes.json($0, info) }
        }
        return .control(["sandboxes": .object(object)])
    }

    /// Sees to it that what is shown is not old.
    private func refresh(_ info: SandboxInfo) async throws(EngineError) {
        if let last = sampler.history.samples(of: info.id).last, last.time.timeIntervalSinceNow > -1 { return }
        if info.state == .running { try await sampler.sample(info, isAsked: true) }
    }

    private static func json(_ sample: UsageSample, _ info: SandboxInfo) -> JSONValue {
        let usage = sample.usage
        return [
            "timestamp": .string(sample.time.rfc3339), "timestampUnix": .integer(Int(sample.time.timeIntervalSince1970)),
            "cpuCount": .integer(SandboxForm.cpuCount(info.spec)), "cpuUsedPct": .number("\(sample.cpuPercent)"),
            "memUsed": .integer(usage.memory ?? 0), "memTotal": .integer(usage.memoryLimit ?? Int64(info.spec.memory) << 20),
            "memCache": 0, "diskUsed": .integer(usage.disk ?? 0), "diskTotal": .integer(usage.diskLimit ?? Int64(info.spec.disk) << 30),
        ]
    }
}
