package import NIOCore

/// A stream of server-sent events held more in one event than its reader allows.
package struct ServerSentEventTooLong: Error, Hashable, Sendable, CustomStringConvertible {
    /// The most that one event may hold, in bytes.
    package let limit: Int

    package init(limit: Int) { self.limit = limit }

    package var description: String { "an event of the stream is longer than \(limit) bytes" }
}

/// Turns a `text/event-stream` that arrives in arbitrary pieces into events.
///
/// It follows the HTML standard's parser: CR, LF and CRLF end lines, one byte order mark is skipped, comments and unknown fields are passed
/// over, an event without data is none, and what the end of the stream cuts off is dropped. It keeps at most one event, of bounded size.
package struct ServerSentEventDecoder: Sendable {
    /// The `id` of the last event that had one: where to go on after a cut.
    package private(set) var lastEventID: String?
    /// How long the server asks its readers to wait before they connect again.
    package private(set) var retry: Duration?

    private let limit: Int
    private var line: [UInt8] = []
    private var data: [UInt8] = []
    private var hasData = false
    private var name: String?
    /// The `id` field of the event being read; it counts once its event is complete.
    private var id: String?
    private var previousWasCarriageReturn = false
    private var isAtStart = true

    /// - Parameter limit: the most that one event may hold, in bytes.
    package init(limit: Int = 64 * 1024 * 1024) { self.limit = limit }

    /// Takes the next bytes of the stream; returns the events that they complete, in order.
    ///
    /// - Throws: ``ServerSentEventTooLong``; the stream can't be read any further then.
    package mutating func decode(_ bytes: ByteBuffer) throws(ServerSentEventTooLong) -> [ServerSentEvent] {
        try decode(bytes.readableBytesView)
    }

    /// Takes the next bytes of the stream; returns the events that they complete, in order.
    ///
    /// - Throws: ``ServerSentEventTooLong``; the stream can't be read any further then.
    package mutating func decode(_ bytes: some Collection<UInt8>) throws(ServerSentEventTooLong) -> [ServerSentEvent] {
        var events: [ServerSentEvent] = []
        var rest = bytes[...]
        while let first = rest.first {
            // The second half of a CRLF, whose first half may have come with the bytes before.
            if previousWasCarriageReturn {
                previousWasCarriageReturn = false
                if first == UInt8(ascii: "\n") {
                    rest = rest.dropFirst()
                    continue
                }
            }
            let end = rest.firstIndex { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
            line.append(contentsOf: rest[..<(end ?? rest.endIndex)])
            guard line.count + data.count <= limit else { throw ServerSentEventTooLong(limit: limit) }
            guard let end else { break }
            previousWasCarriageReturn = rest[end] == UInt8(ascii: "\r")
            rest = rest[end...].dropFirst()
            if let event = endLine() { events.append(event) }
        }
        return events
    }

    private mutating func endLine() -> ServerSentEvent? {
        defer { line.removeAll(keepingCapacity: line.capacity <= 64 * 1024) }
        var content = line[...]
        if isAtStart, content.starts(with: [0xEF, 0xBB, 0xBF]) { content = content.dropFirst(3) }
        isAtStart = false
        guard !content.isEmpty else { return endEvent() }
        let field = content.prefix { $0 != UInt8(ascii: ":") }
        var value = content.dropFirst(field.count + 1)
        if value.first == UInt8(ascii: " ") { value = value.dropFirst() }
        switch String(decoding: field, as: UTF8.self) {
        case "data":
            if hasData { data.append(UInt8(ascii: "\n")) }
            data.append(contentsOf: value)
            hasData = true
        case "event": name = String(decoding: value, as: UTF8.self)
        case "id": if !value.contains(0) { id = String(decoding: value, as: UTF8.self) }
        case "retry": retry = ServerSentEventDecoder.milliseconds(value) ?? retry
        default: break
        }
        return nil
    }

    private mutating func endEvent() -> ServerSentEvent? {
        defer {
            data = []
            hasData = false
            name = nil
            id = nil
        }
        if let id { lastEventID = id }
        guard hasData else { return nil }
        return ServerSentEvent(id: id, name: name.flatMap { $0.isEmpty ? nil : $0 }, data: data)
    }

    private static func milliseconds(_ digits: some Collection<UInt8>) -> Duration? {
        guard digits.count <= 10, digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
        return Int64(String(decoding: digits, as: UTF8.self)).map { .milliseconds($0) }
    }
}
