import NIOCore
import SandstormWire
import Testing

@Suite("Server-sent events, written") struct ServerSentEventEncodingTests {
    private func encoded(_ event: ServerSentEvent) -> String {
        var buffer = ByteBuffer()
        event.encode(into: &buffer)
        return String(buffer: buffer)
    }

    @Test func `an event is an id, a name, one line of data and a blank line`() {
        let event = ServerSentEvent(id: "7", name: "stdout", data: Array(#"{"data":"a\nb"}"#.utf8))
        #expect(encoded(event) == "id: 7\nevent: stdout\ndata: {\"data\":\"a\\nb\"}\n\n")
    }

    @Test(
        "each line of data has a field of its own",
        arguments: [
            ("", "data: \n\n"), ("a\nb", "data: a\ndata: b\n\n"), ("a\r\nb", "data: a\ndata: b\n\n"), ("a\rb", "data: a\ndata: b\n\n"),
            ("a\n", "data: a\ndata: \n\n"), ("\n\n", "data: \ndata: \ndata: \n\n"), ("\r\r\n", "data: \ndata: \ndata: \n\n"),
        ])
    func lines(data: String, expected: String) {
        #expect(encoded(ServerSentEvent(data: Array(data.utf8))) == expected)
    }

    @Test func `an id or a name can't begin a field of its own`() {
        let event = ServerSentEvent(id: "1\ndata: forged", name: "a\r\nid: 9", data: [])
        #expect(encoded(event) == "id: 1\nevent: a\ndata: \n\n")
    }

    @Test func `a comment is a line of its own`() {
        var buffer = ByteBuffer()
        ServerSentEvent.encode(comment: "heartbeat", into: &buffer)
        #expect(String(buffer: buffer) == ": heartbeat\n\n")
    }
}
