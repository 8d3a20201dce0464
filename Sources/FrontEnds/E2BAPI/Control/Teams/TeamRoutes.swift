import HTTPTypes
import Hummingbird
import HummingbirdCore
import SandstormCore
import SandstormEngine
import SandstormServer
import SandstormStore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Teams are our tenants: whoever asks sees one, its own.
struct TeamRoutes: Sendable {
    private enum Metric: String, CaseIterable {
        case concurrentSandboxes = "concurrent_sandboxes"
        case startRate = "sandbox_start_rate"
    }

    let engine: Engine

    func add(to routes: RouterGroup<CallerContext>) {
        routes.get("/teams", use: list)
        routes.get("/teams/:teamID/metrics", use: metrics)
        routes.get("/teams/:teamID/metrics/max", use: maximum)
    }

    private func list(_ request: Request, _ context: CallerContext) async throws -> Response {
        let id = TemplateCatalog.namespace(of: context.principal)
        // A key is shown once, when it is made, and never here.
        return .control([["teamID": .string(id), "name": .string(id), "apiKey": "", "isDefault": true]])
    }

    private func metrics(_ request: Request, _ context: CallerContext) async throws -> Response {
        let points = try await points(request, context)
        return .control(
            .array(
                points.map { point in
                    [
                        "timestamp": .string(point.time.rfc3339), "timestampUnix": .integer(Int(point.time.timeIntervalSince1970)),
                        "concurrentSandboxes": .integer(point.concurrent), "sandboxStartRate": .number("\(point.startRate)"),
                    ]
                }))
    }

    private func maximum(_ request: Request, _ context: CallerContext) async throws -> Response {
        guard let metric = try ControlQuery(request).choice("metric", as: Metric.self) else {
            throw E2BError(.badRequest, "Parameter metric is missing")
        }
        let points = try await points(request, context)
        let point: TeamActivity.Point?
        switch metric {
        case .concurrentSandboxes: point = points.max { $0.concurrent < $1.concurrent }
        case .startRate: point = points.max { $0.startRate < $1.startRate }
        }
        let time = point?.time ?? Date()
        let value = point.map { metric == .concurrentSandboxes ? Double($0.concurrent) : $0.startRate } ?? 0
        return .control([
            "timestamp": .string(time.rfc3339), "timestampUnix": .integer(Int(time.timeIntervalSince1970)), "value": .number("\(value)"),
        ])
    }

    private func points(_ request: Request, _ context: CallerContext) async throws -> [TeamActivity.Point] {
        guard try context.text("teamID") == TemplateCatalog.namespace(of: context.principal) else {
            throw E2BError(.forbidden, "You are not allowed to access this team's metrics")
        }
        let parameters = try ControlQuery(request)
        let end = min(try parameters.seconds("end") ?? Date(), Date())
        let start = try parameters.seconds("start") ?? end.addingTimeInterval(-TeamActivity.usualStretch)
        guard start <= end else { throw E2BError(.badRequest, "Parameter start must not be after end") }
        guard end.timeIntervalSince(start) <= TeamActivity.longestStretch else {
            throw E2BError(.badRequest, "The time from start to end must not be longer than 90 days")
        }
        let lives = try await engine.sandboxLives(from: start, to: end.addingTimeInterval(1), for: context.principal)
        return TeamActivity.points(lives, from: start, to: end)
    }
}

/// How much a team had going on.
enum TeamActivity {
    struct Point: Hashable, Sendable {
        var time: Date
        var concurrent: Int
        /// Per second.
        var startRate: Double
    }

    static let usualStretch: TimeInterval = 24 * 3600
    static let longestStretch: TimeInterval = 90 * 24 * 3600
    private static let maximumPoints = 200.0
    private static let shortestStep: TimeInterval = 30

    /// At the end of each step, how many lived, and how many per second were made during it.
    ///
    /// - Parameter lives: oldest first.
    static func points(_ lives: [SandboxLife], from start: Date, to end: Date) -> [Point] {
        let step = max(shortestStep, (end.timeIntervalSince(start) / maximumPoints).rounded(.up))
        let count = max(1, Int((end.timeIntervalSince(start) / step).rounded(.up)))
        var begun = Array(repeating: 0, count: count)
        var change = Array(repeating: 0, count: count + 1)
        func index(_ date: Date) -> Int { min(count - 1, max(0, Int(date.timeIntervalSince(start) / step))) }
        for life in lives {
            if life.createdAt >= start { begun[index(life.createdAt)] += 1 }
            change[index(life.createdAt)] += 1
            // One that lived within the step counts for it.
            if let end = life.endedAt { change[min(count, index(end) + 1)] -= 1 }
        }
        var living = 0
        return (0..<count).map { number in
            living += change[number]
            return Point(
                time: min(end, start.addingTimeInterval(step * Double(number + 1))), concurrent: living,
                startRate: (Double(begun[number]) / step * 1e6).rounded() / 1e6)
        }
    }
}
