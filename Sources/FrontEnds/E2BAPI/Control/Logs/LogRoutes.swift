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

/// The logs of sandboxes, of those that have ended too.
struct LogRoutes: Sendable {
    private static let maximumLines = 1000

    private enum Direction: String, CaseIterable { case forward, backward }

    let engine: Engine

    func add(to routes: RouterGroup<CallerContext>) {
        routes.get("/v2/sandboxes/:sandboxID/logs", use: newer)
        routes.get("/sandboxes/:sandboxID/logs", use: older)
    }

    private func newer(_ request: Request, _ context: CallerContext) async throws -> Response {
        let parameters = try ControlQuery(request)
        let limit = try parameters.integer("limit", in: 0...LogRoutes.maximumLines) ?? LogRoutes.maximumLines
        let isBackward = try parameters.choice("direction", as: Direction.self) == .backward
        let level = try parameters.choice("level", as: SandboxLog.Level.self) ?? .debug
        let search = try parameters.text("search")
        if let search, search.count > 256 { throw E2BError(.badRequest, "Parameter search is longer than 256 characters") }
        let cursor = try parameters.integer("cursor", in: 0...253_402_300_799_999).map { Date(timeIntervalSince1970: Double($0) / 1000) }
        var lines = try await lines(context).filter { line in
            line.level >= level && (search.map { line.message.contains($0) } ?? true)
                && (cursor.map { isBackward ? line.time <= $0 : line.time >= $0 } ?? true)
        }
        if isBackward { lines.reverse() }
        return .control(["logs": .array(lines.prefix(limit).map(\.json))])
    }

    private func older(_ request: Request, _ context: CallerContext) async throws -> Response {
        let parameters = try ControlQuery(request)
        let limit = try parameters.integer("limit", in: 0...Int.max) ?? LogRoutes.maximumLines
        let start = try parameters.integer("start", in: 0...253_402_300_799_999).map { Date(timeIntervalSince1970: Double($0) / 1000) }
        let lines = try await lines(context).filter { line in start.map { line.time >= $0 } ?? true }.prefix(
            min(limit, LogRoutes.maximumLines))
        return .control(["logs": .array(lines.map(\.oldJSON)), "logEntries": .array(lines.map(\.json))])
    }

    private func lines(_ context: CallerContext) async throws -> [SandboxLog.Line] {
        let id = try context.sandboxID
        let info: SandboxInfo
        do throws(EngineError) { info = try await engine.sandbox(id, for: context.principal) } catch {
            if error.kind == .notFound { throw E2BError.noSandbox(E2BSandboxID.text(of: id)) }
            throw error
        }
        return try await SandboxLog(engine: engine).lines(of: info, for: context.principal)
    }
}
