package import NIOCore

extension ServerSentEvent {
    /// Appends the event in the stream's form, its closing blank line included.
    ///
    /// A line break in ``id`` or ``name`` would begin a field of the writer's choosing: it and what follows are left out.
    package func encode(into buffer: inout ByteBuffer) {
        if let id { ServerSentEvent.writeField("id", ServerSentEvent.firstLine(of: id), into: &buffer) }
        if let name { ServerSentEvent.writeField("event", ServerSentEvent.firstLine(of: name), into: &buffer) }
        var rest = data[...]
        while true {
            let line = rest.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
            ServerSentEvent.writeField("data", line, into: &buffer)
            guard line.endIndex < rest.endIndex else { break }
            let isPair = rest[line.endIndex] == UInt8(ascii: "\r") && rest.dropFirst(line.count + 1).first == UInt8(ascii: "\n")
            rest = rest.dropFirst(line.count + (isPair ? 2 : 1))
        }
        buffer.writeStaticString("\n")
    }

    /// Appends a comment: bytes that keep a quiet connection alive and that readers pass over.
    package static func encode(comment: StaticString, into buffer: inout ByteBuffer) {
        buffer.writeStaticString(": ")
        buffer.writeStaticString(comment)
        buffer.writeStaticString("\n\n")
    }

    private static func writeField(_ name: StaticString, _ value: some Collection<UInt8>, into buffer: inout ByteBuffer) {
        buffer.writeStaticString(name)
        buffer.writeStaticString(": ")
        buffer.writeBytes(value)
        buffer.writeStaticString("\n")
    }

    private static func firstLine(of text: String) -> some Collection<UInt8> {
        text.utf8.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") && $0 != 0 }
    }
}
