import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import SandstormCore
import SandstormEngine
import SandstormServer

/// What can be done to a process in a living sandbox: input, signals, the size of its terminal, its end.
struct ProcessControlRoutes: Sendable {
    let engine: Engine
    let streams: EventStreams
    let maximumBodyBytes: Int

    /// How long a kill waits to see the process's end. One that can't be killed, waiting for a disk, is answered as it stands.
    private static let killTime = Duration.seconds(5)

    func add(to routes: RouterGroup<CallerContext>) {
        routes.on(.processInput, .post, use: write)
        routes.on(.processSignal, .post, use: signal)
        routes.on(.processSize, .post, use: resize)
        routes.on(.process, .delete, use: kill)
    }

    /// Passes the body on as it comes: what the process does not read holds up the client.
    private func write(_ request: Request, _ context: CallerContext) async throws -> Response {
        let closes = try QueryParameters(request, names: ["close"]).flag("close") ?? false
        let sandbox = try context.sandboxID
        let process = try context.processID
        // Also for a body without bytes.
        _ = try await engine.process(process, in: sandbox, for: context.principal)
        try await Upload(request, from: streams.client(of: context)).pass { bytes in
            for try await piece in bytes { try await engine.write(piece, to: process, in: sandbox, for: context.principal) }
            if closes { try await engine.closeInput(of: process, in: sandbox, for: context.principal) }
        }
        return .noContent
    }

    private func signal(_ request: Request, _ context: CallerContext) async throws -> Response {
        _ = try QueryParameters(request, names: [])
        let (sandbox, process) = (try context.sandboxID, try context.processID)
        let wish = try await JSONBody.read(request, limit: maximumBodyBytes, as: SignalRequest.init(json:))
        try await engine.signal(wish.signal, to: wish.target, of: process, in: sandbox, for: context.principal)
        return .noContent
    }

    private func resize(_ request: Request, _ context: CallerContext) async throws -> Response {
        _ = try QueryParameters(request, names: [])
        let (sandbox, process) = (try context.sandboxID, try context.processID)
        let size = try await JSONBody.read(request, limit: maximumBodyBytes, as: TerminalSize.init(request:))
        try await engine.resize(size, of: process, in: sandbox, for: context.principal)
        return .noContent
    }

    private func kill(_ request: Request, _ context: CallerContext) async throws -> Response {
        _ = try QueryParameters(request, names: [])
        let (sandbox, process) = (try context.sandboxID, try context.processID)
        try await engine.signal(.kill, to: .group, of: process, in: sandbox, for: context.principal)
        try await streams.client(of: context).whilePresent { try await end(of: process, in: sandbox, context) }
        return .json(try await engine.process(process, in: sandbox, for: context.principal).json)
    }

    private func end(of process: ProcessID, in sandbox: SandboxID, _ context: CallerContext) async throws {
        let events = try await engine.processEvents(process, in: sandbox, after: 0, following: true, for: context.principal)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { for try await _ in events {} }
            group.addTask { try? await Task.sleep(for: ProcessControlRoutes.killTime) }
            try await group.next()
            group.cancelAll()
        }
    }
}

/// The body of `POST …/signal`.
struct SignalRequest: Sendable {
    let signal: Signal
    let target: SignalTarget

    init(json: JSONValue) throws(InvalidRequest) {
        var reader = JSONReader(json, at: "")
        let remedy = "send a name such as \"TERM\", or a number from 1 to 64"
        let signal = reader.read("signal", "is not a signal", remedy: remedy) { value in
            switch value {
            case .string(let name): Signal(named: name)
            default: value.intValue.flatMap { (1...64).contains($0) ? Signal(rawValue: Int32($0)) : nil }
            }
        }
        if signal == nil, json.objectValue != nil, reader.problems.isEmpty {
            reader.report("signal", "is missing", remedy: remedy)
        }
        target =
            reader.read("target", "is not a target", remedy: "use group or process") {
                $0.stringValue.flatMap(SignalTarget.init)
            } ?? .group
        let problems = reader.finish()
        guard let signal, problems.isEmpty else { throw InvalidRequest(problems: problems) }
        self.signal = signal
    }
}

extension TerminalSize {
    /// Reads the body of `POST …/resize`.
    init(request json: JSONValue) throws(InvalidRequest) {
        var reader = JSONReader(json, at: "")
        func read(_ key: String, _ unit: String) -> Int? {
            let number = reader.integer(key, in: 1...65_535, unit: unit)
            if number == nil, json.objectValue != nil, json[key] ?? .null == .null {
                reader.report(key, "is missing", remedy: "send columns and rows")
            }
            return number
        }
        let (columns, rows) = (read("columns", "characters"), read("rows", "lines"))
        let problems = reader.finish()
        guard let columns, let rows, problems.isEmpty else { throw InvalidRequest(problems: problems) }
        self.init(columns: columns, rows: rows)
    }
}
