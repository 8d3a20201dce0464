import NIOCore
import SandstormCore
import SandstormServer

/// What a client says to a process beside bytes for its input.
enum ProcessControl: Hashable, Sendable {
    case closeInput
    case signal(Signal, SignalTarget)
    case resize(TerminalSize)

    /// Reads a text message.
    ///
    /// - Throws: ``Problem`` of kind `malformedJSON` or `invalidRequest`.
    init(_ text: String) throws(Problem) {
        let json = try JSONBody.parse(ByteBuffer(string: text))
        do throws(InvalidRequest) { try self.init(json: json) } catch { throw Problem(error) }
    }

    private init(json: JSONValue) throws(InvalidRequest) {
        var reader = JSONReader(json, at: "")
        let control: ProcessControl?
        switch reader.string("type") {
        case "closeStdin": control = .closeInput
        case "signal":
            let remedy = "send a name such as \"TERM\", or a number from 1 to 64"
            let signal = reader.read("signal", "is no signal", remedy: remedy) { $0.stringValue.flatMap(Signal.init(named:)) }
            if signal == nil, json["signal"] == nil { reader.report("signal", "is missing", remedy: remedy) }
            let target = reader.read("target", "is no target", remedy: "send \"group\" or \"process\"") {
                $0.stringValue.flatMap(SignalTarget.init(rawValue:))
            }
            control = signal.map { .signal($0, target ?? .group) }
        case "resize":
            let columns = reader.integer("columns", in: 1...65_535, unit: "characters")
            let rows = reader.integer("rows", in: 1...65_535, unit: "lines")
            for (name, number) in [("columns", columns), ("rows", rows)] where number == nil && json[name] == nil {
                reader.report(name, "is missing", remedy: "send columns and rows")
            }
            control = columns.flatMap { columns in rows.map { .resize(TerminalSize(columns: columns, rows: $0)) } }
        default:
            control = nil
            reader.report("type", "is missing or unknown", remedy: "send \"closeStdin\", \"signal\" or \"resize\"")
        }
        let problems = reader.finish()
        guard problems.isEmpty, let control else { throw InvalidRequest(problems: problems) }
        self = control
    }
}
