import NIOCore
import SandstormCore
import SandstormServer
import SandstormWire

/// How a run's events are written into a response's body.
enum RunEventFormat: Sendable {
    /// Server-sent events, all of them.
    case serverSentEvents
    /// One JSON object a line, of the outputs that were asked for.
    case lines(OutputFilter)
    /// The outputs' bytes and nothing else.
    case text(OutputFilter)

    /// Which outputs.
    enum OutputFilter: String, CaseIterable, Sendable {
        case both
        case stdout
        case stderr
    }

    var framing: StreamFraming {
        switch self {
        case .serverSentEvents: .serverSentEvents
        case .lines: .lines
        case .text: .bytes(contentType: "text/plain; charset=utf-8")
        }
    }

    /// Appends `event`; an event that is not asked for appends nothing.
    func encode(_ event: RunEvent, into buffer: inout ByteBuffer) {
        switch self {
        case .serverSentEvents:
            ServerSentEvent(id: String(event.sequence), name: event.name, data: event.data.encodedBytes).encode(into: &buffer)
        case .lines(let filter):
            guard filter.bytes(of: event) != nil, case .object(let data) = event.data else { return }
            var object: JSONObject = ["sequence": .integer(event.sequence), "event": .string(event.name)]
            for member in data.members { object[member.key] = member.value }
            buffer.writeBytes(JSONValue.object(object).encodedBytes)
            buffer.writeInteger(UInt8(ascii: "\n"))
        case .text(let filter):
            if let bytes = filter.bytes(of: event) { buffer.writeBytes(bytes) }
        }
    }
}

extension RunEventFormat.OutputFilter {
    /// The output in `event`, if there is one and it was asked for.
    func bytes(of event: RunEvent) -> [UInt8]? {
        switch event.body {
        case .stdout(let bytes) where self != .stderr: bytes
        case .stderr(let bytes) where self != .stdout: bytes
        default: nil
        }
    }
}
