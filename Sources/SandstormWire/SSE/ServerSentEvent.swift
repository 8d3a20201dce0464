/// One event of a `text/event-stream`, as the HTML standard has it.
package struct ServerSentEvent: Hashable, Sendable {
    /// What a client sends as `Last-Event-ID` to go on after this event; `nil` leaves the client's position as it is.
    package var id: String?
    /// The event's name; without one a browser calls it `message`.
    package var name: String?
    /// The event's data in UTF-8. Line breaks inside it arrive as `\n`, however they were written.
    package var data: [UInt8]

    package init(id: String? = nil, name: String? = nil, data: [UInt8]) {
        self.id = id
        self.name = name
        self.data = data
    }
}
